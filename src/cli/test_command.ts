import { processEnvironment } from "../config/environment.ts";
import { diagnose } from "../diagnose/diagnose.ts";
import { inspectConnection } from "../diagnose/inspect_tls.ts";
import { renderReport } from "../diagnose/render_report.ts";
import type { Endpoint } from "../link/endpoint.ts";
import { isLoopback } from "../link/http/deno_client.ts";
import { proxyUse } from "../link/http/proxy_use.ts";
import { openPeer } from "../link/open_peer.ts";
import type { Credentials } from "../link/http/credentials.ts";
import { accountAt } from "./account_input.ts";
import type { CommandInput } from "./application.ts";
import { connectInput, connectLogger, flushLog, giveUpUnused, warnOfStore } from "./connect_input.ts";
import { stdoutStyle } from "./help_text.ts";
import { problemExitCode } from "./problem_exit_code.ts";
import { writeOut } from "./write_text.ts";

/** `test`: tries a server the way `proxy` would reach it, and prints a report. */
export async function testCommand(input: CommandInput): Promise<number> {
  const { values, settings } = connectInput("test", input);
  const json = values.switch("json").value;
  const logger = await connectLogger(settings);
  warnOfStore(input, settings, logger);
  giveUpUnused("test", input, settings, logger);
  const boundMs = Math.min(settings.timeoutMs, settings.connectTimeoutMs ?? Infinity);
  const account = settings.signIn === undefined ? undefined : await accountAt(settings, logger);
  const credentials = account === undefined ? {} : { credentials: unasked(account.account) };
  const report = await diagnose({
    settings,
    logger,
    open: (more) => openPeer({ ...settings, ...credentials, ...more }, logger),
    exitCodeOf: problemExitCode,
    ...(behindProxy(settings.endpoint) ? {} : { inspect: (url: URL) => inspectConnection(url, boundMs) }),
  });
  account?.account.close();
  await flushLog(logger);
  // What servers say may hold what we sent them.
  writeOut(logger.redact(json ? `${JSON.stringify(report)}\n` : renderReport(report, stdoutStyle())));
  return report.exitCode;
}

/** What is stored is shown, and renewed where that needs nobody; whoever only tests is not sent to sign in. */
function unasked(account: Credentials): Credentials {
  return {
    identity: account.identity,
    headersFor: account.headersFor,
    refused: (refusal) => account.refused({ ...refusal, background: true }),
  };
}

/** Whether the environment sends this endpoint's traffic through a proxy, so that a connection of our own shows nothing. */
function behindProxy(endpoint: Endpoint): boolean {
  if (endpoint.kind !== "http" || isLoopback(endpoint.url)) return false;
  const environment = processEnvironment();
  return proxyUse(endpoint.url, (name) => {
    const state = environment(name);
    return state.kind === "set" ? state.value : undefined;
  }) === "proxy";
}
