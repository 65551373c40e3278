/** Keychains: the real one of this system, and what the others are told. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { macosKeychain } from "../../src/store/keychain/macos_keychain.ts";
import { runTool } from "../../src/store/keychain/run_tool.ts";
import { SECRET_TOOL, secretService } from "../../src/store/keychain/secret_service.ts";
import { systemKeychain } from "../../src/store/keychain/system_keychain.ts";
import { windowsDpapi } from "../../src/store/keychain/windows_dpapi.ts";
import { createSealer } from "../../src/store/sealer.ts";
import { type SecretBox, SecretBoxError } from "../../src/store/secret_box.ts";
import { programEnvironment } from "../support/program.ts";
import { hasSecretService, startSecretService } from "../support/secret_service.ts";
import { memoryBox } from "./memory_box.ts";

const LINUX = Deno.build.os === "linux";
const SECRET = "0123456789abcdef".repeat(4);

/** A command that notes its arguments and stdin, and answers as it is told. */
async function standIn(answer: string, code = 0) {
  const directory = await Deno.makeTempDir();
  const command = `${directory}/tool`;
  await Deno.writeTextFile(
    command,
    `#!/bin/sh\nprintf '%s\\n' "$@" >'${directory}/args'\ncat >'${directory}/stdin'\n` +
      `printf '%s' '${answer}'\nexit ${code}\n`,
    { mode: 0o700 },
  );
  return {
    directory,
    tool: { command, from: "the test" },
    args: async () => (await Deno.readTextFile(`${directory}/args`)).trimEnd().split("\n"),
    stdin: () => Deno.readTextFile(`${directory}/stdin`),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test("the keychain of this system keeps a secret, replaces it and forgets it", {
  ignore: LINUX && !hasSecretService(),
}, async () => {
  await using session = LINUX ? await startSecretService() : undefined;
  const directory = await Deno.makeTempDir();
  const box = session === undefined
    ? systemKeychain(directory)
    : secretService({ ...SECRET_TOOL, env: session.env });
  const [id, other] = [crypto.randomUUID(), crypto.randomUUID()];
  strictEqual(await box.get(id), undefined);
  await box.delete(id);
  await box.set(id, SECRET, 'mcp-connect: https://example.com/it\'s "here"');
  await box.set(other, "another", "mcp-connect");
  strictEqual(await box.get(id), SECRET);
  await box.set(id, "newer", "mcp-connect");
  strictEqual(await box.get(id), "newer");
  await box.delete(id);
  strictEqual(await box.get(id), undefined);
  strictEqual(await box.get(other), "another");
  await box.delete(other);
  await Deno.remove(directory, { recursive: true });
});

if (LINUX) {
  Deno.test("a keyring that is locked, with nobody to unlock it, is told as that", {
    ignore: !hasSecretService(),
  }, async () => {
    await using session = await startSecretService({ unlocked: false });
    const box = secretService({ ...SECRET_TOOL, env: session.env });
    await rejects(box.set("id", SECRET, "label"), (error: SecretBoxError) => {
      match(error.message, /^the Secret Service refuses: /);
      match(error.hint, /unlocked/);
      return true;
    });
  });

  Deno.test("without a session there is no keyring, and that is no empty one", {
    ignore: !hasSecretService(),
  }, async () => {
    const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent", DISPLAY: "" };
    const box = secretService({ ...SECRET_TOOL, env });
    await rejects(box.get("id"), SecretBoxError);
    await rejects(box.delete("id"), SecretBoxError);
  });
}

Deno.test("a command that is not there, or does not end, is told as that", async () => {
  const absent = { command: "mcp-connect-no-such-tool", from: "something" };
  await rejects(runTool(absent, []), { message: /there is no mcp-connect/, hint: /install something/ });
  const [command, args] = Deno.build.os === "windows"
    ? ["ping", ["-n", "60", "127.0.0.1"]] as const
    : ["sleep", ["60"]] as const;
  await rejects(runTool({ command, from: "the system" }, args, "", 50), {
    message: /did not end/,
    hint: /locked/,
  });
});

Deno.test("a command that may not be run is not asked for, and the permission is named", async () => {
  const module = new URL("../../src/store/keychain/secret_service.ts", import.meta.url).href;
  const script = `
    import { secretService } from "${module}";
    try { await secretService().get("id"); } catch (error) { console.log(error.message + "; " + error.hint); }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-read", `data:text/javascript,${encodeURIComponent(script)}`],
    env: programEnvironment(),
    stdin: "null",
  }).output();
  strictEqual(
    new TextDecoder().decode(stdout),
    "secret-tool may not be run; run Deno with --allow-run=secret-tool\n",
  );
});

if (Deno.build.os !== "windows") {
  Deno.test("macOS' security is told a secret on stdin alone, in one line, whatever the label", async () => {
    await using it = await standIn("");
    await macosKeychain(it.tool).set("abc-1", SECRET, `mcp-connect: https://a.example/"x"\n$(b)\\`);
    deepStrictEqual(await it.args(), ["-i"]);
    strictEqual(
      await it.stdin(),
      `add-generic-password -U -s mcp-connect -a abc-1 -l "mcp-connect: https://a.example/xb" -w ${SECRET}\n`,
    );
  });

  Deno.test("macOS' security: 44 means that there is nothing, all else that it failed", async () => {
    await using found = await standIn(`${SECRET}\n`);
    strictEqual(await macosKeychain(found.tool).get("abc"), SECRET);
    deepStrictEqual(await found.args(), ["find-generic-password", "-s", "mcp-connect", "-a", "abc", "-w"]);
    await using none = await standIn("", 44);
    strictEqual(await macosKeychain(none.tool).get("abc"), undefined);
    await macosKeychain(none.tool).delete("abc");
    await using locked = await standIn("", 36);
    const box = macosKeychain(locked.tool);
    for (
      const failing of [() => box.get("abc"), () => box.set("abc", SECRET, "x"), () => box.delete("abc")]
    ) {
      await rejects(failing, SecretBoxError);
    }
  });

  Deno.test("Windows' data protection is told a secret on stdin alone, and what it gives is kept in a file", async () => {
    await using it = await standIn("cHJvdGVjdGVk");
    const box = windowsDpapi(it.directory, it.tool);
    await box.set("abc", SECRET, "label");
    strictEqual(await it.stdin(), btoa(SECRET));
    const args = await it.args();
    deepStrictEqual(args.slice(0, 3), ["-NoProfile", "-NonInteractive", "-EncodedCommand"]);
    const script = new TextDecoder("utf-16le").decode(Uint8Array.fromBase64(args[3]!));
    match(script, /::Protect\(\$in, \$null, 'CurrentUser'\)/);
    ok(!script.includes(SECRET));
    const [file] = [...Deno.readDirSync(`${it.directory}/protected`)];
    strictEqual(
      await Deno.readTextFile(`${it.directory}/protected/${file!.name}`),
      '{"data":"cHJvdGVjdGVk"}\n',
    );

    strictEqual(await box.get("abc"), "protected");
    strictEqual(await it.stdin(), "cHJvdGVjdGVk");
    await box.delete("abc");
    strictEqual(await box.get("abc"), undefined);

    await using failing = await standIn("", 1);
    await rejects(windowsDpapi(failing.directory, failing.tool).set("abc", SECRET, ""), SecretBoxError);
  });
}

Deno.test("every system that programs run on has its keychain, or an error that says otherwise", () => {
  const names = (["linux", "freebsd", "darwin", "windows"] as const).map((os) =>
    systemKeychain("/s", os).name
  );
  deepStrictEqual(names, [
    "the Secret Service",
    "the Secret Service",
    "the macOS keychain",
    "Windows' data protection",
  ]);
  try {
    systemKeychain("/s", "android");
    ok(false);
  } catch (error) {
    ok(error instanceof SecretBoxError);
  }
});

function sealerOf(box: SecretBox, id = "one") {
  let last: Promise<unknown> = Promise.resolve();
  return createSealer({
    box: () => box,
    id,
    label: "label",
    exclusively(work) {
      const result = last.then(work);
      last = result.catch(() => {});
      return result;
    },
  });
}

Deno.test("what is sealed can be opened by every copy of the program, with the keychain's key and no other", async () => {
  const box = memoryBox();
  const [first, second] = [sealerOf(box), sealerOf(box)];
  const sealed = await first.seal("tokens", undefined);
  ok(!atob(sealed).includes("tokens"));
  strictEqual(await second.open(sealed), "tokens");
  strictEqual(await first.open(await second.seal("newer", sealed)), "newer");
  // Twice the same is not the same twice: nothing can be told from what changes.
  ok(await first.seal("tokens", sealed) !== sealed);
  strictEqual(await sealerOf(memoryBox()).open(sealed), undefined);
  const foreign = memoryBox();
  await sealerOf(foreign).seal("x", undefined);
  strictEqual(await sealerOf(foreign).open(sealed), undefined);
  // One account's secrets can't be put in the place of another's.
  box.secrets.set("two", box.secrets.get("one")!);
  strictEqual(await sealerOf(box, "two").open(sealed), undefined);
});

Deno.test("changed by one bit, what was sealed is refused", async () => {
  const box = memoryBox();
  const sealed = Uint8Array.fromBase64(await sealerOf(box).seal("tokens", undefined));
  for (const at of [0, 12, sealed.length - 1]) {
    const changed = sealed.slice();
    changed[at]! ^= 1;
    strictEqual(await sealerOf(box).open(changed.toBase64()), undefined);
  }
  strictEqual(await sealerOf(box).open("no base64!"), undefined);
});

Deno.test("the keychain is asked once for a program, and again when another copy has made a new key", async () => {
  const box = memoryBox();
  const [first, second] = [sealerOf(box), sealerOf(box)];
  let sealed = await first.seal("0", undefined);
  const asked = box.asked;
  for (let i = 1; i < 5; i++) sealed = await first.seal(`${i}`, sealed);
  strictEqual(box.asked, asked);

  await second.forget();
  const other = await second.seal("after a logout", undefined);
  strictEqual(await first.open(other), "after a logout");
  await second.forget();
  const again = await first.seal("and another", undefined);
  strictEqual(await sealerOf(box).open(again), "and another");
});

Deno.test("a keychain that keeps nothing is found out at once", async () => {
  const box: SecretBox = { ...memoryBox(), get: () => Promise.resolve(undefined) };
  await rejects(sealerOf(box).seal("tokens", undefined), { message: /has not kept the key/ });
});
