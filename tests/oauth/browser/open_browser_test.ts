import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { Surroundings } from "../../../src/oauth/browser/browser_commands.ts";
import { createBrowserOpener } from "../../../src/oauth/browser/open_browser.ts";
import { until } from "../../support/until.ts";
import { openerScript } from "./opener_script.ts";

const URL = "https://as.example/authorize?client_id=a&state=b";
const never = new AbortController().signal;
const unix = { ignore: Deno.build.os === "windows" };

/** A machine without a display, where `$BROWSER` is this. */
function withBrowser(value: string): Surroundings {
  return {
    os: "linux",
    env: (name) => name === "BROWSER" ? value : undefined,
    isFile: (path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    },
  };
}

Deno.test("$BROWSER opens the URL, without a display and with a space in its path", unix, async () => {
  await using script = await openerScript();
  const open = createBrowserOpener({ surroundings: withBrowser(script.path) });
  deepStrictEqual(await open(URL, never), { ok: true, by: script.path });
  deepStrictEqual(script.starts(), [[URL]]);
});

Deno.test("no shell reads the URL on its way: it arrives as one word that does nothing", unix, async () => {
  await using script = await openerScript('eval ": \\"$1\\""\nexit 0');
  const open = createBrowserOpener({ surroundings: withBrowser(script.path) });
  const marker = `${script.path}.pwned`;
  const url = `https://as.example/$(touch${"$"}{IFS}${marker.replaceAll(" ", "?")})\`id\`;"'|&x=*`;
  ok((await open(url, never)).ok);
  strictEqual(script.starts().length, 1);
  const [word, ...rest] = script.starts()[0]!;
  deepStrictEqual(rest, []);
  match(word!, /^https:\/\/as\.example\/%24%28touch/);
  await rejects(Deno.stat(marker));
});

Deno.test("the words of $BROWSER are split without a shell", unix, async () => {
  await using script = await openerScript("exit 0", "plain");
  const surroundings = withBrowser(`${script.path} '--a b' --to=%s $HOME`);
  ok((await createBrowserOpener({ surroundings })(URL, never)).ok);
  deepStrictEqual(script.starts(), [["--a b", `--to=${URL}`, "$HOME"]]);
});

Deno.test("the browser gets none of our streams, as stdout carries protocol only", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using script = await openerScript("echo noise; echo noise >&2; exit 0");
  await createBrowserOpener({ surroundings: withBrowser(script.path) })(URL, never);
  const { stdin, stdout, stderr } = script.facts();
  deepStrictEqual({ stdin, stdout, stderr }, {
    stdin: "/dev/null",
    stdout: "/dev/null",
    stderr: "/dev/null",
  });
});

Deno.test("the next is tried when one is missing or fails, and none after one that works", unix, async () => {
  await using failing = await openerScript("exit 3", "plain");
  await using working = await openerScript("exit 0", "plain");
  const value = ["/nowhere/to/be/found", failing.path, working.path, failing.path].join(":");
  const opened = await createBrowserOpener({ surroundings: withBrowser(value) })(URL, never);
  deepStrictEqual(opened, { ok: true, by: working.path });
  deepStrictEqual([failing.starts().length, working.starts().length], [1, 1]);
});

Deno.test("it is said why no browser opened", unix, async () => {
  await using failing = await openerScript("exit 3", "plain");
  const surroundings = withBrowser(`/nowhere/found:${failing.path}:sh -c %s`);
  const opened = await createBrowserOpener({ surroundings })(URL, never);
  ok(!opened.ok);
  match(opened.why, /"sh"/);
  match(opened.why, /no display/);
  match(opened.why, /found was not found/);
  match(opened.why, /browser ended with code 3/);
});

Deno.test("an opener that stays is the browser: nobody waits for its end, and it outlives us", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using script = await openerScript("exec sleep 60");
  const open = createBrowserOpener({ surroundings: withBrowser(script.path), patienceMs: 50 });
  ok((await open(URL, never)).ok);
  await until(() => script.facts().pid !== undefined);
  const pid = Number(script.facts().pid);
  // The leader of a session of its own: no signal to our group reaches it.
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  strictEqual(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]), pid);
  Deno.kill(pid, "SIGKILL");
  await until(() => !exists(`/proc/${pid}`));
});

Deno.test("an abort ends the wait for the opener", unix, async () => {
  await using script = await openerScript("exec sleep 60");
  const aborter = new AbortController();
  const open = createBrowserOpener({ surroundings: withBrowser(script.path), patienceMs: 600_000 });
  const opened = open(URL, aborter.signal);
  await until(() => script.facts().pid !== undefined);
  aborter.abort();
  ok((await opened).ok);
  const pid = Number(script.facts().pid);
  Deno.kill(pid, "SIGKILL");
  await until(() => !exists(`/proc/${pid}`));
});

Deno.test("no more than three tabs open in ten minutes, whatever goes wrong", unix, async () => {
  await using script = await openerScript();
  let now = 1_000_000;
  const open = createBrowserOpener({ surroundings: withBrowser(script.path), now: () => now });
  for (let i = 0; i < 3; i++) ok((await open(URL, never)).ok);
  for (let i = 0; i < 20; i++) {
    const opened = await open(URL, never);
    ok(!opened.ok);
    match(opened.why, /3 tabs were opened in the last 10 minutes/);
  }
  now -= 3_600_000;
  ok(!(await open(URL, never)).ok, "a clock that was set back opens tabs again");
  now += 3_600_000 + 599_999;
  ok(!(await open(URL, never)).ok);
  now += 1;
  ok((await open(URL, never)).ok);
  strictEqual(script.starts().length, 4);
});

for (
  const url of [
    "http://as.example/",
    "file:///etc/passwd",
    "https://u:p@as.example/",
    "https://a$(id).example/",
  ]
) {
  Deno.test(`no program is started with ${url}`, unix, async () => {
    await using script = await openerScript();
    const open = createBrowserOpener({ surroundings: withBrowser(script.path) });
    await rejects(open(url, never), { code: "URL_REFUSED" });
    deepStrictEqual(script.starts(), []);
  });
}

Deno.test({
  name: "it is said which permission is missing, and nobody is asked for it",
  permissions: { run: false },
  fn: async () => {
    const open = createBrowserOpener({ surroundings: withBrowser("/usr/bin/firefox") });
    const opened = await open(URL, never);
    ok(!opened.ok);
    match(opened.why, /--allow-run=\/usr\/bin\/firefox/);
  },
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
