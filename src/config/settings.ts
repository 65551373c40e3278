import type { Endpoint } from "../link/endpoint.ts";
import type { BalanceSettings } from "./balance_settings.ts";
import type { ClientCertificate } from "./client_certificate.ts";
import type { OAuthSettings } from "../oauth/settings.ts";
import type { LogLevel } from "../telemetry/logger.ts";

/** How the endpoint is spoken to; `auto` tells it from the endpoint and the server's answers. */
export type TransportChoice = "auto" | "http" | "sse" | "stdio" | "tcp";

/** Which era of the protocol the server speaks; `auto` finds it out. */
export type ProtocolChoice = "auto" | "legacy" | "modern";

/** What goes to the log and how it looks. */
export interface LogSettings {
  /** The least level that is written. */
  readonly level: LogLevel;
  /** One line a record: for people, or as a JSON object. */
  readonly format: "text" | "json";
  /** Whether `--debug` was given: stack traces, and log messages for the client too. */
  readonly debug: boolean;
  /** Where else the log goes; absent: to stderr alone. */
  readonly file?: LogFileSettings;
}

/** A log file and its rotation. */
export interface LogFileSettings {
  /** The file that is written; older ones are called `PATH.1`, `PATH.2` and so on. */
  readonly path: string;
  /** The most bytes of one file. */
  readonly maxSize: number;
  /** How many files are kept, the one that is written included. */
  readonly count: number;
}

/** What may take the endpoint's place. */
export interface Fallback {
  /** Where it is. */
  readonly endpoint: Endpoint;
  /** Never contradicts {@linkcode endpoint}. */
  readonly transport: TransportChoice;
  /** What stands for the user's own word, where only a transport was named: worth a warning once it is used. */
  readonly presumed?: string;
}

/** How a server is signed in to, and how long requests wait for it. */
export interface SignInSettings {
  readonly oauth: OAuthSettings;
  /** Whether the system's keychain keeps what is secret of a sign-in, instead of a file. */
  readonly keychain: boolean;
  /** In milliseconds. */
  readonly waitMs: number;
}

/** Everything that a command which connects needs, already validated. */
export interface ConnectSettings {
  /** Where the server is; of several upstreams, the first one's. */
  readonly endpoint: Endpoint;
  /** How requests are spread over several upstreams; absent: there is {@linkcode endpoint} alone. */
  readonly balance?: BalanceSettings;
  /** Never contradicts {@linkcode endpoint}, nor any of the upstreams. */
  readonly transport: TransportChoice;
  /** The era of the endpoint and its fallbacks; `modern` never goes with the transport `sse`. */
  readonly protocol: ProtocolChoice;
  /** Whether a modern server's results are kept as long as it calls them fresh. */
  readonly cache: boolean;
  /** The directory where what has been found out of servers is kept; absent: nothing is. */
  readonly store?: string;
  /** Bound of connecting and the handshake, in milliseconds. */
  readonly timeoutMs: number;
  /** Bound of making one connection, in milliseconds; absent: {@linkcode timeoutMs} alone. */
  readonly connectTimeoutMs?: number;
  /** Bound of a request, in milliseconds; progress starts it anew. */
  readonly requestTimeoutMs: number;
  /** Ceiling of a request whatever its progress, in milliseconds; never below {@linkcode requestTimeoutMs}. */
  readonly maxRequestTimeMs: number;
  /** How long requests in flight may still take once the client has gone, in milliseconds; may be 0. */
  readonly drainTimeoutMs: number;
  /** How often a failed attempt is repeated; may be 0. */
  readonly retryAttempts: number;
  /** The wait before the first repetition, in milliseconds; may be 0. */
  readonly retryDelayMs: number;
  /** The server is asked for a sign of life so often, in milliseconds; absent: never. */
  readonly keepAliveMs?: number;
  /** What is tried when the endpoint fails, in order. */
  readonly fallbacks: readonly Fallback[];
  /** The endpoint is tried again while a fallback serves, and taken back. */
  readonly returnToFirst: boolean;
  /** The user's headers, variables expanded, credentials included. A name may appear more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** How the endpoint's server is signed in to when it asks for it; absent: not at all. */
  readonly signIn?: SignInSettings;
  /** The `User-Agent` header. */
  readonly userAgent: string;
  /** Globs; when there are any, only tools that match one are shown. */
  readonly allowTools: readonly string[];
  /** Globs of tools that are hidden, whatever {@linkcode allowTools} says. */
  readonly ignoreTools: readonly string[];
  /** The directory a command runs in; absent: ours. */
  readonly cwd?: string;
  /** Variables added to a command's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Certificates trusted beside the roots, one PEM text each. */
  readonly caCerts: readonly string[];
  /** What the endpoint's server is shown of us; absent: nothing. */
  readonly clientCertificate?: ClientCertificate;
  /** Whether cookies that the endpoint's server sets go back to it. */
  readonly cookies: boolean;
  /** The most bytes of one message. */
  readonly maxMessageSize: number;
  /** The most requests in flight to the endpoint. */
  readonly maxInFlight: number;
  /** The log. */
  readonly log: LogSettings;
}
