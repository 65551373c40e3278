import type { ConnectSettings } from "../config/settings.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";

/** An option that has no effect, or none on some upstreams. */
export interface IdleOption {
  readonly message: string;
  /** The upstreams that it has none on, where there are several. */
  readonly endpoints?: readonly string[];
}

/**
 * Finds options that were given for another kind of endpoint. Of several upstreams, one that an option has an effect on
 * is enough for it; headers, which often are credentials, are told of all the same. What a file will name, nobody knows.
 */
export function idleOptions(settings: ConnectSettings): IdleOption[] {
  const { balance, headers, cwd, env } = settings;
  const endpoints = balance === undefined
    ? [settings.endpoint]
    : [...balance.upstreams, ...balance.sources.flatMap((it) => it.kind === "file" ? [] : [it.upstream])]
      .map((it) => it.endpoint);
  const one = balance === undefined;
  const open = balance?.sources.some((it) => it.kind === "file") ?? false;
  const none = (serves: (endpoint: Endpoint) => boolean) => !open && !endpoints.some(serves);

  const idle: IdleOption[] = [];
  const bare = endpoints.filter((endpoint) => endpoint.kind !== "http");
  if (bare.length > 0 && headers.length > 0) {
    idle.push({
      message: `headers and credentials go to HTTP endpoints only; ${
        one ? "this endpoint gets none" : "these upstreams get none"
      }`,
      ...(one ? {} : { endpoints: bare.map(describeEndpoint) }),
    });
  }
  const which = one ? "this endpoint" : "these upstreams";
  if (settings.clientCertificate !== undefined && none(usesTls)) {
    idle.push({
      message: `--client-cert is shown to https endpoints only; ${which} get${one ? "s" : ""} none`,
    });
  }
  if (settings.connectTimeoutMs !== undefined && none((endpoint) => endpoint.kind !== "command")) {
    idle.push({
      message: "--connect-timeout has no effect on a command, which is started at once or not at all",
    });
  }
  if ((cwd !== undefined || Object.keys(env).length > 0) && none((endpoint) => endpoint.kind === "command")) {
    idle.push({
      message: `--cwd and --env only affect commands; ${
        one ? "this endpoint is none" : "no upstream is one"
      }`,
    });
  }
  return idle;
}

function usesTls(endpoint: Endpoint): boolean {
  return endpoint.kind === "http" && endpoint.url.protocol === "https:";
}
