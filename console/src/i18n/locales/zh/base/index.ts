// The texts that every page needs. A file's name is the first part of its keys.
const files = import.meta.glob<Record<string, unknown>>("./*.json", { eager: true, import: "default" });

export default Object.fromEntries(
  Object.entries(files).map(([path, texts]) => [path.slice("./".length, -".json".length), texts]),
);
