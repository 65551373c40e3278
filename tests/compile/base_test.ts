import { deepEqual, equal, match } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { ExitCode } from "../../scripts/compile/compile_error.ts";
import { makeBase } from "../../scripts/compile/make_base.ts";
import { readPayload } from "../../scripts/compile/payload.ts";
import { TARGETS } from "../../scripts/compile/targets.ts";

/** A machine whose Deno has no base executable yet, and can't download any: its proxy is gone. */
async function offlineMachine() {
  const directory = await Deno.makeTempDir();
  const main = `${directory}/main.js`;
  await Deno.writeTextFile(main, "console.log(1);");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const proxy = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  return {
    directory,
    async compile(triple: string) {
      const output = `${directory}/out-${triple}`;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", "--quiet", "--no-config", "--no-lock"],
          new URL("./compile_alone.ts", import.meta.url).href,
          ...[main, output, triple],
        ],
        env: {
          DENO_DIR: `${directory}/cache`,
          DENORT_BIN: "",
          HTTPS_PROXY: proxy,
          https_proxy: proxy,
          NO_PROXY: "",
          no_proxy: "",
        },
      }).output();
      equal(new TextDecoder().decode(stderr), "");
      return { output, ...JSON.parse(new TextDecoder().decode(stdout)) };
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

const release = `dl/release/v${Deno.version.deno}`;

Deno.test("where the base can't be downloaded it is told what is needed, and how to give it", async () => {
  await using machine = await offlineMachine();
  for (const { triple } of TARGETS) {
    const { exitCode, message, hint } = await machine.compile(triple);
    equal(exitCode, ExitCode.NoBase);
    match(
      message,
      new RegExp(
        `^the base executable for ${triple} is missing, and can't be downloaded: error sending request`,
      ),
    );
    match(hint, new RegExp(`denort-${triple}\\.zip of Deno ${Deno.version.deno} in ${release}/`));
    match(hint, /DENORT_BIN=FILE/);
    match(hint, /deno task compile --check/);
  }
});

Deno.test("a base that lies in Deno's cache needs no download", async () => {
  await using machine = await offlineMachine();
  await Deno.mkdir(`${machine.directory}/cache/${release}`, { recursive: true });
  for (const target of TARGETS) {
    const name = `denort${target.os === "windows" ? ".exe" : ""}`;
    const zip = `${machine.directory}/cache/${release}/denort-${target.triple}.zip`;
    await Deno.writeFile(zip, zipOf(name, makeBase(target)));
    const { output, ...error } = await machine.compile(target.triple);
    deepEqual(error, {});
    const made = target.os === "windows" ? `${output}.exe` : output;
    deepEqual([...readPayload(await Deno.readFile(made)).files.keys()], ["main.js"]);
  }
});

/** A zip file of one file, which is not compressed. */
function zipOf(name: string, bytes: Uint8Array): Uint8Array {
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt32LE(0x21 << 16, 6);
  common.writeUInt32LE(crc32(bytes), 10);
  common.writeUInt32LE(bytes.length, 14);
  common.writeUInt32LE(bytes.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), bytes]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02\x14\x00"),
    common,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}
