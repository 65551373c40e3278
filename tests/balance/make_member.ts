import type { UpstreamSettings } from "../../src/config/balance_settings.ts";
import { createMember, type Member } from "../../src/balance/member.ts";

/** Settings of an upstream at `https://NAME.example/mcp`. */
export function upstreamAt(name: string, more: Partial<UpstreamSettings> = {}): UpstreamSettings {
  const url = new URL(`https://${name}.example/mcp`);
  return { endpoint: { kind: "http", url }, transport: "auto", weight: 1, drain: false, ...more };
}

/** A member for tests, by name. */
export function makeMember(serial: number, name: string, more: Partial<UpstreamSettings> = {}): Member {
  return createMember(serial, upstreamAt(name, more), `https://${name}.example/mcp`);
}
