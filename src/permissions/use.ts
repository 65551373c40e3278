import type { CommandName } from "../config/options.ts";
import type { ConnectSettings } from "../config/settings.ts";
import type { Address } from "../link/http/address_tunnel.ts";
import type { Endpoint } from "../link/endpoint.ts";

/** A use of the program: a command, its settings, and what is known of the machine and of the servers. */
export interface Use {
  readonly command: CommandName | "help";
  /** Those of a command that connects; of `permissions`: those of the one that it is asked about. */
  readonly settings?: ConnectSettings;
  /** The store's directory; absent: there is none. */
  readonly store?: string;
  /** The folder that `login --import` reads. */
  readonly importFolder?: string;
  /** Where `version --check` looks. */
  readonly releases?: URL;
  /** `permissions` is to ask nobody. @default false */
  readonly offline?: boolean;
  readonly facts: Facts;
}

/** What is known of the machine and of the servers. */
export interface Facts {
  readonly os: typeof Deno.build.os;
  /** The variables that the settings come from: those that were looked up and are set. */
  readonly variables: readonly string[];
  /** The files that were read for the settings, and the options that name them. */
  readonly files: readonly NamedFile[];
  /** The variables by which proxies are named, those that are set. Values may hold secrets. */
  readonly proxyVariables: Readonly<Record<string, string>>;
  /** Variables that make Deno want the whole run permission, such as `LD_PRELOAD`. */
  readonly loaderVariables: readonly string[];
  /** What opens a browser here. */
  readonly browser: BrowserFacts;
  /** The system's folder on Windows, for its own programs. */
  readonly systemRoot?: string;
  /** All that is connected to. */
  readonly places: readonly Place[];
  /** Names that are looked up again and again. */
  readonly lookups: readonly string[];
  /** Those that were not found, or not looked for, and why. */
  readonly notFound: readonly { readonly name: string; readonly why: string }[];
  /** Whether variables may be set that Deno does not show. */
  readonly variablesHidden: boolean;
  /** Whether a sign-in is stored that only the keychain opens. */
  readonly sealed: boolean;
  /** What is known of signing in to each server, by its URL's origin and path. */
  readonly signIns: readonly ServerSignIn[];
}

/** A file that an option names. */
export interface NamedFile {
  readonly path: string;
  /** How the option was given. */
  readonly where: string;
}

/** Where a server is. */
export interface Place {
  readonly endpoint: Endpoint;
  /** Where its name leads, where that is looked up by us. */
  readonly address?: Address;
  /** It was named by DNS alone: none of the user's headers are for it. */
  readonly foreign?: true;
  /** What it is among others. */
  readonly role: "server" | "upstream" | "fallback";
}

/** What a server says of signing in to it. */
export interface ServerSignIn {
  /** The server, as it may be shown. */
  readonly server: string;
  /** `wanted` without URLs: it is not known who gives tokens. */
  readonly answer: "wanted" | "unwanted" | "unknown";
  /** Whom it takes to get tokens, the server itself aside. */
  readonly urls: readonly AuthorizationUrl[];
  /** Why something is not known. */
  readonly why?: string;
}

/** An address that is asked for a sign-in. */
export interface AuthorizationUrl {
  readonly url: URL;
  readonly what: string;
}

/** What opens a browser here, and what decides it. */
export interface BrowserFacts {
  /** The programs that are there, best first. */
  readonly commands: readonly string[];
  /** The variables that decide and are set. */
  readonly variables: readonly string[];
  /** Files whose presence decides. */
  readonly files: readonly string[];
}
