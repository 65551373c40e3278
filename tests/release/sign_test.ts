import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { identityIn, macosSigner } from "../../scripts/release/sign_macos.ts";
import { run } from "./npm_tools.ts";
import { ROOT } from "./release_files.ts";

const windows = Deno.build.os === "windows";
const IDENTITY = "0123456789ABCDEF0123456789ABCDEF01234567";

/**
 * Stands in for the tools that sign, which this system may not have: each writes its arguments to a list, and does the
 * least that is seen of it.
 */
async function withTools(
  tools: Readonly<Record<string, string>>,
  test: (place: {
    readonly directory: string;
    readonly sign: (script: string, env: Record<string, string>, files: readonly string[]) => Promise<string>;
    readonly calls: () => Promise<string[]>;
  }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  const list = `${directory}/calls`;
  try {
    await Deno.mkdir(`${directory}/bin`);
    await Deno.mkdir(`${directory}/tmp`);
    for (const [name, script] of Object.entries(tools)) {
      const text = `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> '${list}'\n${script}\n`;
      await Deno.writeTextFile(`${directory}/bin/${name}`, text, { mode: 0o755 });
    }
    await test({
      directory,
      sign: (script, env, files) =>
        run([
          Deno.execPath(),
          "run",
          "--quiet",
          "--no-prompt",
          "--allow-env",
          "--allow-read",
          "--allow-write",
          "--allow-run",
          new URL(`scripts/release/${script}`, ROOT).href,
          ...files,
        ], { env: { PATH: `${directory}/bin:${Deno.env.get("PATH")}`, TMPDIR: `${directory}/tmp`, ...env } }),
      calls: async () =>
        (await Deno.readTextFile(list)).trim().split("\n").map((line) =>
          line.replaceAll(new RegExp(`${directory}/tmp/[^/ ]*/`, "g"), "TMP/").replaceAll(`${directory}/`, "")
        ),
    });
    deepStrictEqual([...Deno.readDirSync(`${directory}/tmp`)], [], "secrets are left behind");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("without a certificate executables stay as they are, and that is said", async () => {
  for (const script of ["sign_windows.ts", "sign_macos.ts"]) {
    await withTools({}, async ({ directory, sign }) => {
      await Deno.writeTextFile(`${directory}/x`, "as it was");
      const env = { WINDOWS_CERTIFICATE: "", MACOS_CERTIFICATE: "" };
      match(await sign(script, env, [`${directory}/x`]), /^::notice::.*not? /);
      strictEqual(await Deno.readTextFile(`${directory}/x`), "as it was");
    });
  }
});

const OSSLSIGNCODE = `
while [ $# -gt 0 ]; do
  case "$1" in -in) in=$2 ;; -out) out=$2 ;; -pkcs12) p12=$2 ;; -readpass) pass=$2 ;; esac
  shift
done
cat "$in" "$p12" "$pass" > "$out"
`;

Deno.test("executables for Windows are signed in place, the password in no argument (sh)", {
  ignore: windows,
}, () =>
  withTools({ osslsigncode: OSSLSIGNCODE }, async ({ directory, sign, calls }) => {
    const files = ["a.exe", "b.exe"].map((name) => `${directory}/${name}`);
    for (const file of files) await Deno.writeTextFile(file, `${file.at(-5)} `, { mode: 0o755 });
    await sign("sign_windows.ts", {
      WINDOWS_CERTIFICATE: btoa("certificate "),
      WINDOWS_CERTIFICATE_PASSWORD: "hunter2",
      WINDOWS_TIMESTAMP_URL: "http://time.example.com",
    }, files);
    strictEqual(await Deno.readTextFile(files[0]!), "a certificate hunter2");
    strictEqual(await Deno.readTextFile(files[1]!), "b certificate hunter2");
    const seen = await calls();
    strictEqual(
      seen[0],
      "osslsigncode sign -pkcs12 TMP/certificate.p12 -readpass TMP/password -h sha256 -n mcp-connect " +
        "-ts http://time.example.com -in a.exe -out TMP/signed.exe",
    );
    ok(!seen.join().includes("hunter2"));
  }));

Deno.test(
  "an executable that can't be signed fails the release, and is as it was (sh)",
  { ignore: windows },
  () =>
    withTools({ osslsigncode: "echo no such certificate >&2; exit 1" }, async ({ directory, sign }) => {
      await Deno.writeTextFile(`${directory}/x.exe`, "as it was");
      const env = { WINDOWS_CERTIFICATE: btoa("c"), WINDOWS_CERTIFICATE_PASSWORD: "hunter2" };
      await rejects(sign("sign_windows.ts", env, [`${directory}/x.exe`]), (error: Error) => {
        match(error.message, /signing .*x\.exe failed with 1: no such certificate/);
        ok(!error.message.includes("hunter2"));
        return true;
      });
      strictEqual(await Deno.readTextFile(`${directory}/x.exe`), "as it was");
    }),
);

const MACOS = {
  security: `case "$1" in find-identity) echo '  1) ${IDENTITY} "Developer ID Application: X (Y)"' ;; esac`,
  codesign: "",
  ditto: "",
};
const SECRETS = {
  MACOS_CERTIFICATE: btoa("c"),
  MACOS_CERTIFICATE_PASSWORD: "hunter2",
  MACOS_NOTARY_KEY: "k",
  MACOS_NOTARY_KEY_ID: "ID",
  MACOS_NOTARY_ISSUER: "ISSUER",
};

Deno.test(
  "executables for macOS are signed, verified and notarised, in this order (sh)",
  { ignore: windows },
  () =>
    withTools(
      { ...MACOS, xcrun: `echo '{"id":"1","status":"Accepted"}'` },
      async ({ directory, sign, calls }) => {
        match(await sign("sign_macos.ts", SECRETS, [`${directory}/x`]), /^signed and notarised: .*x\n$/);
        const seen = (await calls()).map((line) => line.replaceAll(/[0-9a-f-]{36}/g, "SECRET"));
        deepStrictEqual(seen, [
          "security create-keychain -p SECRET TMP/signing.keychain-db",
          "security set-keychain-settings -lut 3600 TMP/signing.keychain-db",
          "security unlock-keychain -p SECRET TMP/signing.keychain-db",
          "security import TMP/certificate.p12 -k TMP/signing.keychain-db -P hunter2 -T /usr/bin/codesign",
          "security set-key-partition-list -S apple-tool:,apple: -s -k SECRET TMP/signing.keychain-db",
          "security list-keychains -d user -s TMP/signing.keychain-db login.keychain-db",
          "security find-identity -v -p codesigning TMP/signing.keychain-db",
          `codesign --force --sign ${IDENTITY} --keychain TMP/signing.keychain-db --identifier mcp-connect ` +
          `--options runtime --entitlements ${
            new URL("deploy/macos/entitlements.plist", ROOT).pathname
          } --timestamp x`,
          "codesign --verify --strict x",
          "ditto -c -k x TMP/executable.zip",
          "xcrun notarytool submit TMP/executable.zip --key TMP/notary.p8 --key-id ID --issuer ISSUER --wait " +
          "--timeout 30m --output-format json",
          "security delete-keychain TMP/signing.keychain-db",
        ]);
      },
    ),
);

Deno.test(
  "what Apple does not accept fails the release, and its reasons are shown (sh)",
  { ignore: windows },
  () =>
    withTools(
      {
        ...MACOS,
        xcrun: `case "$2" in submit) echo '{"id":"1","status":"Invalid"}' ;; *) echo it is bad ;; esac`,
      },
      async ({ directory, sign, calls }) => {
        await rejects(
          sign("sign_macos.ts", SECRETS, [`${directory}/x`]),
          /does not accept .*Invalid\nit is bad/,
        );
        strictEqual((await calls()).at(-1), "security delete-keychain TMP/signing.keychain-db");
      },
    ),
);

Deno.test("half of the notary's key is a mistake, none of it is not", () => {
  const signer = (env: Record<string, string>) => macosSigner((name) => env[name]);
  strictEqual(signer({}), undefined);
  strictEqual(signer({ MACOS_CERTIFICATE: "" }), undefined);
  deepStrictEqual(signer({ MACOS_CERTIFICATE: "c", MACOS_NOTARY_KEY: "" }), {
    certificate: "c",
    password: "",
    notary: undefined,
  });
  deepStrictEqual(signer(SECRETS)?.notary, { key: "k", id: "ID", issuer: "ISSUER" });
  for (const name of ["MACOS_NOTARY_KEY", "MACOS_NOTARY_KEY_ID", "MACOS_NOTARY_ISSUER"]) {
    throws(() => signer({ ...SECRETS, [name]: "" }), /go together/, name);
  }
});

Deno.test("a certificate that is none to sign with is not taken", () => {
  strictEqual(
    identityIn(`  1) ${IDENTITY} "Developer ID Application: X (Y)"\n     1 valid identities found\n`),
    IDENTITY,
  );
  throws(() => identityIn("     0 valid identities found\n"), /none to sign with: 0 valid identities found/);
});
