import { pause } from "../link/pause.ts";
import type { Certificate } from "./report.ts";

/** What a connection of our own to an HTTP server shows. */
export interface ConnectionFacts {
  /** Milliseconds until it stood; null when it did not. */
  readonly connectMs: number | null;
  readonly certificate: Certificate | null;
}

const NOTHING: ConnectionFacts = { connectMs: null, certificate: null };

/**
 * Connects to a URL's server once, to measure and to see its certificate, trusted or not: judging it is the
 * real connection's business. Never throws; what can't be found out is null. Nothing is sent.
 */
export async function inspectConnection(url: URL, timeoutMs: number): Promise<ConnectionFacts> {
  const hostname = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  if (Deno.permissions.querySync({ name: "net", host: `${url.hostname}:${port}` }).state !== "granted") {
    return NOTHING;
  }
  try {
    return secure ? await inspectTls(hostname, port, timeoutMs) : await timeTcp(hostname, port, timeoutMs);
  } catch {
    return NOTHING;
  }
}

async function timeTcp(hostname: string, port: number, timeoutMs: number): Promise<ConnectionFacts> {
  const start = performance.now();
  using connection = await Deno.connect({ hostname, port, signal: AbortSignal.timeout(timeoutMs) });
  void connection;
  return { connectMs: performance.now() - start, certificate: null };
}

async function inspectTls(hostname: string, port: number, timeoutMs: number): Promise<ConnectionFacts> {
  // Deno's own TLS does not show certificates. This module costs 33 ms, so only this command loads it.
  const { connect } = await import("node:tls");
  const start = performance.now();
  const facts = Promise.withResolvers<ConnectionFacts>();
  const socket = connect({
    host: hostname,
    port,
    // An IP address is no server name (RFC 6066 section 3).
    ...(/^[\d.]+$|:/.test(hostname) ? {} : { servername: hostname }),
    // Nothing is sent over this connection, and an untrusted certificate is what a user wants to see.
    rejectUnauthorized: false,
  }, () => {
    const connectMs = performance.now() - start;
    facts.resolve({ connectMs, certificate: describe(socket.getPeerCertificate(), socket.getProtocol()) });
  });
  socket.on("error", () => facts.resolve(NOTHING));
  const over = new AbortController();
  try {
    return await Promise.race([facts.promise, pause(timeoutMs, over.signal).then(() => NOTHING)]);
  } finally {
    over.abort();
    socket.destroy();
  }
}

/** The members of Node's description that are used here. */
interface PeerCertificate {
  readonly subject?: unknown;
  readonly issuer?: unknown;
  readonly valid_from?: string;
  readonly valid_to?: string;
}

function describe(certificate: PeerCertificate, protocol: string | null): Certificate | null {
  if (certificate.subject === undefined) return null;
  const validTo = isoDate(certificate.valid_to);
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    validFrom: isoDate(certificate.valid_from),
    validTo,
    daysLeft: validTo === null ? null : Math.floor((Date.parse(validTo) - Date.now()) / 86_400_000),
    protocol,
  };
}

function isoDate(text: string | undefined): string | null {
  const time = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/** `CN=…, O=…`: what tells people apart comes first. */
function distinguishedName(name: unknown): string {
  if (typeof name !== "object" || name === null) return "";
  const parts = Object.entries(name as Record<string, string | string[]>);
  parts.sort(([a], [b]) => Number(b === "CN") - Number(a === "CN"));
  return parts.map(([key, value]) => `${key}=${Array.isArray(value) ? value.join("+") : value}`).join(", ");
}
