import { gatewayAway, gatewayBack } from "@/api/client";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function answers(): Promise<boolean> {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/**
 * Fetches a part of the console's code. While the gateway is away it waits for
 * it: the page that is open stays, and goes on when the gateway is back. A part
 * that is not there although the gateway is belongs to another version.
 */
export async function fetched<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (await answers()) throw error;
    gatewayAway();
    do await wait(1000);
    while (!(await answers()));
    gatewayBack();
    return load();
  }
}
