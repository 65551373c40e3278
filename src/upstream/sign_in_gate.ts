import { openExchange } from "../link/exchange.ts";
import type { Layer, Outcome, PeerListener } from "../link/peer.ts";
import type { WhileSigningIn, WhileSigningInOptions } from "./while_signing_in.ts";

/** A layer that takes care of the client while the user signs in; the code for it is loaded when the user has to. */
export function signInGate(options: Omit<WhileSigningInOptions, "next" | "tell">): Layer {
  return (next) => {
    let listener: PeerListener | undefined;
    let handler: WhileSigningIn | undefined;
    let loading: Promise<WhileSigningIn> | undefined;

    function load(): Promise<WhileSigningIn> {
      return loading ??= import("./while_signing_in.ts").then(({ whileSigningIn }) =>
        handler = whileSigningIn({ ...options, next, tell: (message) => listener?.receive(message) })
      );
    }

    return {
      ...next,
      request(message, requestOptions = {}) {
        if (handler !== undefined) return handler.request(message, requestOptions);
        const sent = next.request(message, requestOptions);
        const exchange = openExchange((notice) => sent.cancel(notice), () => sent.held === true);
        sent.whenOver((outcome) => {
          if (!isLoginRequired(outcome)) return exchange.settle(outcome);
          void load().then((it) => it.take(message, requestOptions, exchange, outcome));
        });
        return exchange;
      },
      notify(message, notifyOptions) {
        return (handler ?? next).notify(message, notifyOptions);
      },
      listen(it) {
        listener = it;
        next.listen(it);
      },
    };
  };
}

function isLoginRequired(outcome: Outcome): boolean {
  return "failure" in outcome && outcome.failure.code === "LOGIN_REQUIRED";
}
