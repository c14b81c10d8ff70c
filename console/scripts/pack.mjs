// Packs what Vite built for the binary: text files stay only as .gz, which the
// gateway sends as they are.
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../../internal/web/dist/", import.meta.url));
const text = /\.(html|js|css|svg|json|txt|webmanifest)$/;

for (const name of await readdir(dist, { recursive: true })) {
  const file = join(dist, name);
  if (!text.test(name) || !(await stat(file)).isFile()) continue;
  await writeFile(`${file}.gz`, gzipSync(await readFile(file), { level: constants.Z_BEST_COMPRESSION }));
  await rm(file);
}
