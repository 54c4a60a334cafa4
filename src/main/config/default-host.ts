import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";

/**
 * The IPv4 address of the interface that holds the default route, as Linux lists it; undefined where
 * there is none, or on another system.
 */
export function detectDefaultHost(): string | undefined {
  let table: string;
  try {
    table = readFileSync("/proc/net/route", "utf8");
  } catch {
    return undefined;
  }
  const name = defaultRouteInterface(table);
  const addresses = name === undefined ? undefined : networkInterfaces()[name];
  return addresses?.find((address) => address.family === "IPv4")?.address;
}

/** The interface of the default route in the text of /proc/net/route. */
export function defaultRouteInterface(table: string): string | undefined {
  for (const line of table.split("\n").slice(1)) {
    const [name, destination, , , , , , mask] = line.trim().split(/\s+/);
    if (destination === "00000000" && mask === "00000000") return name;
  }
  return undefined;
}
