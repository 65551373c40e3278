import type { Message } from "../jsonrpc/message.ts";
import type { Member } from "./member.ts";

/** Where upstreams are not the replicas that they are taken for. */
export interface Disagreements {
  /** Those that lack what a request is for; `undefined` when none is known to. */
  lacking(message: Message): readonly Member[] | undefined;
}
