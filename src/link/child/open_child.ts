import type { Logger } from "../../telemetry/logger.ts";
import { neutralise } from "../../telemetry/neutralise.ts";
import { describeEndpoint } from "../describe_endpoint.ts";
import type { Link, OpenLink } from "../link.ts";
import { LinkError } from "../link_error.ts";
import { requirePermission } from "../require_permission.ts";
import { endTree } from "./end_tree.ts";
import { startGuard } from "./guard.ts";
import { processGroup } from "./process_group.ts";
import { spawnError } from "./spawn_error.ts";
import { readStderr } from "./stderr_tail.ts";
import { argumentUnfitForBatch, isBatchFile, resolveWindowsCommand } from "./windows_command.ts";
import { within } from "../pause.ts";

/** The command {@linkcode openChild} starts. */
export interface ChildOptions {
  /** A name to be looked up in `PATH`, or a path; a relative one starts from `cwd`. */
  command: string;
  /** Its arguments, each handed on as it is; no shell reads them. */
  args: readonly string[];
  /**
   * The directory it runs in.
   * @default ours
   */
  cwd?: string;
  /** Variables it gets beside, or instead of, ours. */
  env: Readonly<Record<string, string>>;
  /** Gets the lines of its stderr, at level info. */
  logger: Logger;
}

const CHUNK = 64 * 1024;
/** How long the end of a child may lag behind the end of its stdout. In milliseconds. */
const EXIT_LAG_MS = 250;
/** How long stdout may stay silent once all processes of the child have ended. In milliseconds. */
const SILENCE_MS = 500;

/**
 * Opens a link to the stdin and stdout of a command. `open` rejects with a {@linkcode LinkError}:
 * `NOT_FOUND`, `NOT_EXECUTABLE`, `PERMISSION`, `INVALID`, or `UNREACHABLE`; its `write` with `CLOSED` when the
 * child reads no more. `close` ends the child and what it started (see docs/commands.md), and so does our
 * own end where a guard can be had.
 */
export function openChild(options: ChildOptions): OpenLink {
  // deno-lint-ignore require-await
  return async (signal) => {
    signal.throwIfAborted();
    return connect(start(options), options);
  };
}

function start(options: ChildOptions): Deno.ChildProcess {
  const { args, cwd, env } = options;
  let command = options.command;
  if (Deno.build.os === "windows") {
    command = resolveWindowsCommand({
      command,
      cwd: cwd ?? ".",
      pathext: variable("PATHEXT"),
      exists: (path) => exists(path) === true,
    });
    const unfit = isBatchFile(command) ? argumentUnfitForBatch(args) : undefined;
    if (unfit !== undefined) {
      throw new LinkError("INVALID", `can't start ${command}: a batch file can't be given a line break`, {
        hint: `Start the program behind it directly, or change its argument ${args.indexOf(unfit) + 1}.`,
      });
    }
  }
  // The file that will be run, or Deno would ask about it: a query takes a relative path from our directory.
  const file = cwd !== undefined && isRelativePath(command) ? `${cwd}/${command}` : command;
  // Deno looks a bare name up when it starts, in its own PATH, and grants nothing for what is not there.
  const isBare = !/[\\/]/.test(command);
  requirePermission(
    { name: "run", command: file },
    `--allow-run=${file}`,
    ...(isBare
      ? [`Run with --allow-run=${file}; if it was, ${file} is in no directory of Deno's PATH.`]
      : []),
  );
  try {
    return new Deno.Command(command, {
      args: [...args],
      env,
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // On Unix a session of its own, so that a Ctrl-C is ours alone and the group can be signalled. On Windows
      // it would take the child out of the job that ends it with us.
      detached: Deno.build.os !== "windows",
    }).spawn();
  } catch (error) {
    throw spawnError(error, command, cwd, (path) => exists(path, cwd));
  }
}

function connect(child: Deno.ChildProcess, { command, args, logger }: ChildOptions): Link {
  const group = processGroup(child);
  const guard = startGuard(child.pid);
  const stdin = child.stdin.getWriter();
  const stdout = child.stdout.getReader({ mode: "byob" });
  const stderr = readStderr(child.stderr, command.split(/[\\/]/).at(-1) ?? command, logger);
  const name = neutralise(logger.redact(describeEndpoint({ kind: "command", command, args })));
  const finished = Promise.withResolvers<void>();
  let isFinished = false;
  /** It has closed its stdout, or has ended. */
  let fellSilent = false;
  let buffer = new ArrayBuffer(CHUNK);
  let pending: Promise<unknown> | undefined;
  let reads = 0;
  let status: Deno.CommandStatus | undefined;
  let groupGone = false;
  let closing: Promise<void> | undefined;
  logger.debug("child started", { command: name, pid: child.pid });

  const exited = child.status.then((value) => {
    status = value;
    logger.debug("child ended", { command: name, code: value.code, signal: value.signal });
    if (group.alive() !== false) return;
    // From here on its id may become another's: it must not be signalled again.
    groupGone = true;
    void guard?.release();
    void endOrphanedStdout();
  });

  function finish(): void {
    isFinished = true;
    finished.resolve();
  }

  function howEnded(): string | undefined {
    if (status === undefined) return fellSilent ? "it closed its stdout" : undefined;
    return status.signal === null ? `exited with code ${status.code}` : `killed by ${status.signal}`;
  }

  function ending(): string | undefined {
    const how = howEnded();
    if (how === undefined) return undefined;
    const why = stderr.telling();
    return why === undefined ? how : `${how}: ${why}`;
  }

  // A process that left the group may hold stdout open for ever, and nobody will answer through it: once the
  // group is gone and a read has waited for a while, it is the end.
  async function endOrphanedStdout(): Promise<void> {
    for (let seen = -1; !isFinished; seen = reads) {
      if (pending !== undefined && seen === reads) return await stdout.cancel().catch(() => {});
      await within(finished.promise, SILENCE_MS);
    }
  }

  // A child that ends politely may still write; it should not meet a full pipe or a broken one.
  async function drain(): Promise<void> {
    await pending?.catch(() => {});
    // Not the buffer of `read`: its last chunk may still be in use.
    let waste = new ArrayBuffer(CHUNK);
    for (;;) {
      const { value, done } = await stdout.read(new Uint8Array(waste));
      if (done) return;
      waste = value.buffer;
    }
  }

  async function end(): Promise<void> {
    finish();
    const drained = drain().catch(() => {});
    let inputClosed: Promise<unknown> = Promise.resolve();
    const closeInput = () => inputClosed = stdin.close().catch(() => {});
    if (groupGone) closeInput();
    else await endTree(group, exited, closeInput);
    await Promise.all([stdout.cancel().catch(() => {}), stderr.cancel()]);
    await within(Promise.all([drained, stderr.done, inputClosed, guard?.release(), exited]), EXIT_LAG_MS);
  }

  return {
    name,
    ending,
    async read() {
      if (isFinished) return null;
      const read = stdout.read(new Uint8Array(buffer));
      pending = read;
      reads++;
      try {
        const { value, done } = await read;
        if (value !== undefined) buffer = value.buffer;
        if (!done) return value;
      } catch (cause) {
        if (closing === undefined) throw new LinkError("CLOSED", `can't read from ${name}`, { cause });
      } finally {
        pending = undefined;
      }
      finish();
      fellSilent = closing === undefined;
      if (closing === undefined) await within(Promise.all([exited, stderr.done]), EXIT_LAG_MS);
      return null;
    },
    async write(bytes) {
      if (closing !== undefined) throw new LinkError("CLOSED", `${name} is closed`);
      try {
        await stdin.write(bytes);
      } catch (cause) {
        await within(Promise.all([exited, stderr.done]), EXIT_LAG_MS);
        throw new LinkError("CLOSED", `${name} ${status === undefined ? "has closed its stdin" : ending()}`, {
          cause,
        });
      }
    },
    close() {
      return closing ??= end();
    },
  };
}

function isRelativePath(command: string): boolean {
  return /[\\/]/.test(command) && !/^(?:[\\/]|[A-Za-z]:)/.test(command);
}

function exists(path: string, cwd?: string): boolean | undefined {
  const whole = cwd !== undefined && isRelativePath(path) ? `${cwd}/${path}` : path;
  try {
    if (Deno.permissions.querySync({ name: "read", path: whole }).state !== "granted") return undefined;
    return Deno.statSync(whole).isFile;
  } catch {
    return false;
  }
}

function variable(name: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return undefined;
  return Deno.env.get(name);
}
