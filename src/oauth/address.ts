/**
 * What kind of network an address belongs to. `reserved` is where no server can be: multicast, documentation, what no
 * registry has given out.
 */
export type AddressKind = "public" | "loopback" | "private" | "link-local" | "reserved";

type Rule = readonly [network: string, kind: AddressKind];

/** The special-purpose address registries of IANA (RFC 6890), as far as they matter here; the first match counts. */
const IPV4: readonly Rule[] = [
  // Where clouds tell machines their secrets: as little a neighbour as the link-local one of the others.
  ["100.100.100.200/32", "link-local"],
  ["192.0.0.192/32", "link-local"],
  // Connecting to it reaches this machine.
  ["0.0.0.0/32", "loopback"],
  ["0.0.0.0/8", "reserved"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "private"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "reserved"],
  ["192.0.2.0/24", "reserved"],
  ["192.88.99.0/24", "reserved"],
  ["192.168.0.0/16", "private"],
  // For benchmarks, and what some VPN clients give every name.
  ["198.18.0.0/15", "private"],
  ["198.51.100.0/24", "reserved"],
  ["203.0.113.0/24", "reserved"],
  ["224.0.0.0/3", "reserved"],
];

const IPV6: readonly Rule[] = [
  ["fd00:ec2::254/128", "link-local"],
  ["::/127", "loopback"],
  ["64:ff9b:1::/48", "private"],
  ["2001::/23", "reserved"],
  ["2001:db8::/32", "reserved"],
  ["3fff::/20", "reserved"],
  ["2000::/3", "public"],
  ["fc00::/7", "private"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "private"],
];

/** IPv6 networks whose addresses hold one of IPv4, and where in them: it is that one which is reached. */
const EMBEDDING: readonly (readonly [network: string, byte: number])[] = [
  // Mapped, translated (RFC 2765), and NAT64 (RFC 6052).
  ["::ffff:0:0/96", 12],
  ["::ffff:0:0:0/96", 12],
  ["64:ff9b::/96", 12],
  // 6to4 (RFC 3056).
  ["2002::/16", 2],
];

/**
 * Tells what kind of address this is, in any spelling that a resolver or `URL.hostname` has: dotted IPv4, IPv6 with or
 * without brackets, an IPv4 address in its last part, or a zone.
 *
 * @returns `undefined` for what is no address
 */
export function addressKind(text: string): AddressKind | undefined {
  const bytes = parseAddress(text.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, ""));
  return bytes === undefined ? undefined : kindOf(bytes);
}

function kindOf(bytes: readonly number[]): AddressKind {
  if (bytes.length === 4) return match(IPV4, bytes) ?? "public";
  const special = match(IPV6.slice(0, 2), bytes);
  if (special !== undefined) return special;
  for (const [network, at] of EMBEDDING) {
    if (isIn(network, bytes)) return kindOf(bytes.slice(at, at + 4));
  }
  // The deprecated "IPv4-compatible" ones.
  if (isIn("::/96", bytes)) return kindOf(bytes.slice(12));
  return match(IPV6, bytes) ?? "reserved";
}

function match(rules: readonly Rule[], bytes: readonly number[]): AddressKind | undefined {
  return rules.find(([network]) => isIn(network, bytes))?.[1];
}

function isIn(network: string, bytes: readonly number[]): boolean {
  const [address, length] = network.split("/");
  const base = parseAddress(address!)!;
  let bits = Number(length);
  for (let i = 0; bits > 0; i++, bits -= 8) {
    const mask = bits >= 8 ? 0xff : 0xff00 >> bits & 0xff;
    if ((base[i]! & mask) !== (bytes[i]! & mask)) return false;
  }
  return base.length === bytes.length;
}

/** Reads an address as its bytes, 4 or 16. Only the decimal spelling of IPv4: `URL` has changed all others into it. */
export function parseAddress(text: string): readonly number[] | undefined {
  if (!text.includes(":")) {
    const parts = text.split(".");
    if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return undefined;
    const bytes = parts.map(Number);
    return bytes.every((byte) => byte <= 255) ? bytes : undefined;
  }
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail !== null) {
    const bytes = parseAddress(tail[2]!);
    if (bytes === undefined) return undefined;
    const [a, b, c, d] = bytes as [number, number, number, number];
    text = `${tail[1]}${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`;
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, rest] = halves.map((half) => half === "" ? [] : half.split(":")) as [string[], string[]?];
  const groups = rest === undefined
    ? head
    : [...head, ...Array(Math.max(0, 8 - head.length - rest.length)).fill("0"), ...rest];
  if (groups.length !== 8 || (rest !== undefined && head.length + rest.length > 7)) return undefined;
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]);
}

/** Whether a host, as `URL.hostname` has it, is this machine, whatever a name server says. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(?:.+\.)?localhost$/i.test(hostname) || addressKind(hostname) === "loopback";
}

/** Where the MCP server is, which decides what else may be asked. */
export interface Home {
  /** Its host, as `URL.hostname` has it. */
  readonly hostname: string;
  readonly kind: AddressKind;
}

/**
 * Decides whether a request of OAuth may go to an address. Addresses that strangers can't reach are none of a server's
 * business (S/2026-07-28 best practices, "Server-Side Request Forgery"; RFC 9728, section 7.7) unless the MCP server is
 * of the same kind itself. Link-local ones are never neighbours: clouds tell their secrets there.
 */
export function mayConnect(hostname: string, kind: AddressKind, home: Home, allowPrivate: boolean): boolean {
  if (kind === "public") return true;
  if (kind === "reserved") return false;
  if (allowPrivate || hostname === home.hostname) return true;
  return kind === home.kind && kind !== "link-local";
}
