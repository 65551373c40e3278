/** What the driver itself can do: the same calls over `cat`, which gives each line back. */
import { echoText } from "./messages.ts";
import { formatNumber } from "./report.ts";
import { IN_FLIGHT } from "./settings.ts";
import { median } from "./statistics.ts";
import { openStdioSession } from "./stdio_session.ts";

/** Measures the driver's own limits for a second or so, and puts them in words. */
export async function measureDriver(): Promise<string> {
  try {
    const session = openStdioSession({ command: "cat", args: [] }, 30_000, false);
    try {
      await session.flood(echoText, IN_FLIGHT, { ms: 300 });
      const { calls, ms } = await session.flood(echoText, IN_FLIGHT, { ms: 500 });
      const times: number[] = [];
      for (let i = 0; i < 500; i++) times.push(await session.time(echoText(i)));
      return `${formatNumber(Math.round(calls / ms) * 1000, 0)} lines/s and ${
        median(times).toFixed(3)
      } ms a line`;
    } finally {
      await session.close();
    }
  } catch {
    return "nothing (there is no `cat` here)";
  }
}
