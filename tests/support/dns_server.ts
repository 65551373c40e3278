import { createSocket } from "node:dgram";

/** What a name has: addresses as texts, SRV records as `priority weight port target`. */
export interface DnsRecords {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly SRV?: readonly string[];
}

/** A DNS server on UDP whose answers a test changes as it goes on. */
export interface DnsServer extends AsyncDisposable {
  /** Its own address, as `--dns-server` wants it. */
  readonly at: { readonly ipAddr: string; readonly port: number };
  /** What each name has; one that is not here does not exist. */
  readonly names: Map<string, DnsRecords>;
  /** Every question so far, as `TYPE name`. */
  readonly asked: readonly string[];
  /** Whether it says that it has failed, instead. */
  failing: boolean;
}

const TYPES: Readonly<Record<number, keyof DnsRecords>> = { 1: "A", 28: "AAAA", 33: "SRV" };

/** Starts a {@linkcode DnsServer} on this machine. */
export async function startDnsServer(names: Readonly<Record<string, DnsRecords>> = {}): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  const server = { names: new Map(Object.entries(names)), failing: false };
  socket.on("message", (query, from) => {
    const { name, type, end } = questionIn(query);
    asked.push(`${TYPES[type] ?? type} ${name}`);
    const known = server.names.get(name);
    const kind = TYPES[type];
    const data = server.failing || kind === undefined
      ? []
      : (known?.[kind] ?? []).map((it) => encode(kind, it));
    const answer = [
      ...query.subarray(0, 2),
      // A recursive answer: no error, SERVFAIL or NXDOMAIN.
      ...[0x85, 0x80 | (server.failing ? 2 : known === undefined ? 3 : 0)],
      ...[0, 1, 0, data.length, 0, 0, 0, 0],
      ...query.subarray(12, end),
      ...data.flatMap((
        bytes,
      ) => [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, bytes.length >> 8, bytes.length & 255, ...bytes]),
    ];
    socket.send(new Uint8Array(answer), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  return Object.assign(server, {
    at: { ipAddr: "127.0.0.1", port: socket.address().port },
    asked,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  });
}

/** The first question of a message (RFC 1035, section 4.1.2). */
function questionIn(query: Uint8Array): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query[at + 1]! * 256 + query[at + 2]!, end: at + 5 };
}

function encode(kind: keyof DnsRecords, text: string): number[] {
  switch (kind) {
    case "A":
      return text.split(".").map(Number);
    case "AAAA": {
      // `::` stands for as many zeros as are missing.
      const [left = "", right = ""] = text.split("::");
      const groups = (part: string) => part === "" ? [] : part.split(":").map((it) => parseInt(it, 16));
      const [start, rest] = [groups(left), groups(right)];
      const all = [...start, ...Array(8 - start.length - rest.length).fill(0), ...rest];
      return all.flatMap((it) => [it >> 8, it & 255]);
    }
    case "SRV": {
      const [priority, weight, port, target = "."] = text.split(" ");
      const numbers = [priority, weight, port].map(Number).flatMap((it) => [it >> 8, it & 255]);
      const labels = target.split(".").filter((it) => it !== "");
      return [...numbers, ...labels.flatMap((it) => [it.length, ...new TextEncoder().encode(it)]), 0];
    }
  }
}
