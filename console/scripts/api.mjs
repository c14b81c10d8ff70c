// Writes src/api/schema.d.ts from the gateway's own OpenAPI document.
//
//   npm run api             of a gateway that is started for it
//   npm run api -- --check  says whether the file is as it would be written
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const binary = process.env.ONE_API ?? fileURLToPath(new URL("../../one-api", import.meta.url));
const target = new URL("../src/api/schema.d.ts", import.meta.url);

const port = await new Promise((resolve, reject) => {
  const probe = createServer().once("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});
const dir = await mkdtemp(join(tmpdir(), "one-api-schema-"));
const gateway = spawn(binary, [], {
  cwd: dir,
  env: {
    PATH: process.env.PATH,
    PORT: String(port),
    DATA_DIR: dir,
    LOG_DIR: dir,
    INITIAL_ROOT_PASSWORD: "only for the schema",
  },
  stdio: ["ignore", "pipe", "inherit"],
});
const gone = new Promise((resolve) => gateway.once("exit", resolve));
try {
  const document = await read(`http://127.0.0.1:${port}/api/openapi.json`);
  const written = `// Written by "npm run api" from /api/openapi.json. Do not edit.\n\n${astToString(await openapiTS(document))}`;
  if (!process.argv.includes("--check")) {
    await writeFile(target, written);
  } else if ((await readFile(target, "utf8")) !== written) {
    console.error("src/api/schema.d.ts is not what the gateway describes: run npm run api");
    process.exitCode = 1;
  }
} finally {
  gateway.kill();
  await gone;
  await rm(dir, { recursive: true, force: true });
}

// read asks until the gateway that was just started answers.
async function read(url) {
  for (let tries = 0; ; tries++) {
    try {
      return await (await fetch(url)).json();
    } catch (error) {
      if (tries === 100 || gateway.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
