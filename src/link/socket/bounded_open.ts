import type { OpenLink } from "../link.ts";
import { isLinkError, LinkError } from "../link_error.ts";

/**
 * Gives the opening of a socket a bound of its own, beside that of the signal it is handed; what takes longer rejects
 * with a {@linkcode LinkError} `TIMEOUT`.
 *
 * @param ms the bound, in milliseconds
 */
export function boundedOpen(open: OpenLink, ms: number): OpenLink {
  return async (signal) => {
    const bound = AbortSignal.timeout(ms);
    try {
      return await open(AbortSignal.any([signal, bound]));
    } catch (error) {
      // The other bound's error stays as it is.
      if (!bound.aborted || signal.aborted || !isLinkError(error) || error.code !== "TIMEOUT") {
        throw error;
      }
      throw new LinkError("TIMEOUT", `${error.message} (${ms / 1000} s)`, {
        hint: "Is the server up, or a firewall in between? Raise --connect-timeout if the way there is slow.",
        cause: error,
      });
    }
  };
}
