import { strictEqual, throws } from "node:assert/strict";
import { type Channel, channelOf } from "../../scripts/release/channel.ts";

Deno.test("only what is newest becomes what everybody gets", () => {
  const table: readonly (readonly [version: string, tags: string, channel: Channel])[] = [
    ["0.1.0", "", "latest"],
    ["1.0.0", "v1.0.0", "latest"],
    ["1.0.1", "v1.0.0 v1.0.1", "latest"],
    ["1.10.0", "v1.9.0 v1.10.0", "latest"],
    ["1.9.1", "v1.9.1 v1.10.0", "previous"],
    ["1.0.5", "v2.0.0 v1.0.4", "previous"],
    ["1.0.5", "v2.0.0-rc.1 v1.0.4", "latest"],
    ["2.0.0", "v2.0.0-rc.1", "latest"],
    ["2.0.0-rc.1", "v1.0.0", "next"],
    ["1.0.0-rc.1", "v2.0.0", "next"],
    ["1.0.0", "2.0.0 version-3.0.0 v9 vx", "latest"],
  ];
  for (const [version, tags, channel] of table) {
    strictEqual(channelOf(version, tags.split(" ")), channel, `${version} beside ${tags}`);
  }
  throws(() => channelOf("1.0", []), /1\.0/);
});
