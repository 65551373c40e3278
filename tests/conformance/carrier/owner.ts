/** Which request a message of the program belongs to; over stdio nothing but the message says so. */
import type { WireMessage } from "../../support/wire_message.ts";

const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

/**
 * The request, of those in flight (oldest first), that a notification or a server's request belongs to: by its
 * subscription, by its progress token, else the latest that is no subscription.
 */
export function ownerOf(message: WireMessage, inFlight: readonly WireMessage[]): WireMessage | undefined {
  const { params } = message;
  const subscription = params?._meta?.[SUBSCRIPTION];
  if (subscription !== undefined) return inFlight.find(({ id }) => id === subscription);
  if (message.method === "notifications/progress") {
    return inFlight.find((request) => request.params?._meta?.progressToken === params?.progressToken);
  }
  if (message.method === "notifications/cancelled" && message.id === undefined) {
    return inFlight.find(({ id }) => id === params?.requestId);
  }
  return inFlight.findLast(({ method }) => method !== "subscriptions/listen");
}
