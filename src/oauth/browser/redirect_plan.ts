import { BrowserError } from "./browser_error.ts";
import { isLoopbackHost } from "./loopback_host.ts";

/** What the user says about where the browser comes back to. */
export interface RedirectWish {
  /** `--redirect-url`: on this machine with `http:`, or an `https:` URL of what forwards to us. */
  readonly redirectUrl?: string | undefined;
  /** `--callback-port`: the port that is bound. */
  readonly callbackPort?: number | undefined;
}

/** Where the browser comes back to, before a port is bound. */
export interface RedirectPlan {
  /** The port to bind; 0 for any. */
  readonly port: number;
  /** The path of the one request that counts. */
  readonly path: string;
  /** The user's own redirect URL, in the user's spelling. */
  readonly given?: {
    readonly text: string;
    /** The port is not said: the one that is bound goes in (RFC 8252, section 7.3). */
    readonly anyPort: boolean;
    /** It is this machine's own, not that of what forwards to it. */
    readonly loopback: boolean;
  };
}

/** What {@linkcode bindLoopback} got. */
export interface BoundAddress {
  readonly port: number;
  /** Whether 127.0.0.1 is bound; else it is ::1 alone. */
  readonly v4: boolean;
}

const PATH = "/callback";

/**
 * Decides what to bind.
 *
 * @throws {BrowserError} `REDIRECT_URL`
 */
export function planRedirect({ redirectUrl, callbackPort }: RedirectWish): RedirectPlan {
  if (redirectUrl === undefined) return { port: callbackPort ?? 0, path: PATH };
  const wrong = (why: string, hint?: string) =>
    new BrowserError("REDIRECT_URL", `--redirect-url ${why}`, { ...(hint === undefined ? {} : { hint }) });
  // It is sent as it is written, so that nothing may be in it that `URL` would mend.
  if (!URL.canParse(redirectUrl) || !/^https?:\/\/[\x21-\x7e]+$/i.test(redirectUrl)) {
    throw wrong("is no http: or https: URL");
  }
  const url = new URL(redirectUrl);
  if (/^[^/]+\/\/[^/?#]*@/.test(redirectUrl)) throw wrong("holds a user name or a password");
  // RFC 6749, section 3.1.2.
  if (redirectUrl.includes("#")) throw wrong("has a fragment");
  if (url.protocol === "https:") {
    if (callbackPort === undefined) {
      throw wrong(
        "is https:, and the port that it leads to is not known",
        "Say --callback-port PORT as well",
      );
    }
    return {
      port: callbackPort,
      path: url.pathname,
      given: { text: redirectUrl, anyPort: false, loopback: false },
    };
  }
  if (!isLoopbackHost(url.hostname) || /^127\.(?!0\.0\.1$)/.test(url.hostname)) {
    throw wrong(
      "is http: and not on this machine",
      "Write localhost, 127.0.0.1 or [::1], or an https: URL that forwards to --callback-port",
    );
  }
  const anyPort = !/^[^/]+\/\/[^/?#]*:\d+(?:[/?#]|$)/.test(redirectUrl);
  const port = callbackPort ?? (anyPort ? 0 : Number(url.port || "80"));
  return { port, path: url.pathname, given: { text: redirectUrl, anyPort, loopback: true } };
}

/** The redirect URI, exactly as it is registered and sent. */
export function redirectUri({ given, path }: RedirectPlan, { port, v4 }: BoundAddress): string {
  // The address and not `localhost`, which may lead elsewhere (RFC 8252, section 8.3).
  if (given === undefined) return `http://${v4 ? "127.0.0.1" : "[::1]"}:${port}${path}`;
  return given.anyPort ? given.text.replace(/^[^/]+\/\/[^/?#]+/, (start) => `${start}:${port}`) : given.text;
}

/** What a request to this place may have as its `Host`. */
export function expectedHosts({ given }: RedirectPlan, { port }: BoundAddress): Set<string> {
  const ports = new Set([port]);
  const hosts = new Set<string>();
  if (given !== undefined && !given.anyPort) {
    const url = new URL(given.text);
    // What forwards may keep the name it was called by, or not.
    hosts.add(url.host);
    if (given.loopback) ports.add(Number(url.port || "80"));
  }
  for (const each of ports) {
    for (const name of ["127.0.0.1", "[::1]", "localhost"]) {
      hosts.add(`${name}:${each}`);
      if (each === 80) hosts.add(name);
    }
  }
  return hosts;
}
