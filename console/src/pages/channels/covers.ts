const modes = ["std", "pro", "4k"];

/** A model's name without its mode. */
export function baseOf(name: string): string {
  const i = name.lastIndexOf("-");
  return i > 0 && modes.includes(name.slice(i + 1)) ? name.slice(0, i) : name;
}

/** Whether an entry of a list of models stands for a model, by the gateway's rules. */
export function covers(entry: string, name: string): boolean {
  if (entry === name || entry === "*") return true;
  if (entry.endsWith("*")) return name.startsWith(entry.slice(0, -1));
  return entry === baseOf(name);
}
