import { notStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  type AddressKind,
  addressKind,
  isLoopbackHost,
  mayConnect,
  parseAddress,
} from "../../src/oauth/address.ts";

const KINDS: readonly (readonly [AddressKind, ...string[]])[] = [
  [
    "public",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.0",
    "11.0.0.1",
    "2606:4700::1111",
    "[2a00:1450::8a]",
    "::ffff:8.8.8.8",
  ],
  [
    "public",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "100.63.255.255",
    "100.128.0.0",
    "198.17.255.255",
    "198.20.0.0",
  ],
  [
    "loopback",
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "::1",
    "[::1]",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
  ],
  ["loopback", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "0:0:0:0:0:0:0:1"],
  [
    "private",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.7",
    "fd12::1",
    "fc00::",
  ],
  [
    "private",
    "::ffff:10.0.0.1",
    "::ffff:0:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:c0a8:101::",
    "fec0::1",
    "64:ff9b:1::1",
  ],
  [
    "link-local",
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "fd00:ec2::254",
  ],
  ["link-local", "100.100.100.200", "64:ff9b::a9fe:a9fe", "febf::1"],
  [
    "reserved",
    "0.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "203.0.113.9",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
  ],
  ["reserved", "4000::1", "100::1", "240.0.0.1"],
];

Deno.test("each address is of the kind that the registries say, in every spelling", () => {
  for (const [kind, ...addresses] of KINDS) {
    for (const address of addresses) strictEqual(addressKind(address), kind, address);
  }
});

Deno.test("what is no address is of no kind", () => {
  for (
    const text of [
      "",
      "example.com",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "0x7f.0.0.1",
      "::1::",
      "1:2:3:4:5:6:7:8:9",
      "g::",
      ":::",
    ]
  ) {
    strictEqual(addressKind(text), undefined, text);
  }
});

Deno.test("no spelling of an address in a URL hides what it is", () => {
  const spellings: readonly (readonly [AddressKind, ...string[]])[] = [
    [
      "loopback",
      "0x7f.1",
      "2130706433",
      "0177.0.0.1",
      "127.1",
      "[::ffff:7f00:1]",
      "[0:0:0:0:0:ffff:127.0.0.1]",
      "①②⑦.0.0.1",
    ],
    ["link-local", "0xa9fea9fe", "2852039166", "169.254.43518", "[::ffff:a9fe:a9fe]", "0251.0376.0251.0376"],
    ["private", "0xa.1", "192.168.257", "3232235777"],
  ];
  for (const [kind, ...hosts] of spellings) {
    for (const host of hosts) strictEqual(addressKind(new URL(`https://${host}/`).hostname), kind, host);
  }
});

Deno.test("an IPv4 address is of the same kind wherever IPv6 holds it", () => {
  fc.assert(fc.property(fc.ipV4(), (address) => {
    const canonical = new URL(`http://${address}/`).hostname;
    for (const prefix of ["::ffff:", "64:ff9b::", "::ffff:0:"]) {
      strictEqual(addressKind(`${prefix}${canonical}`), addressKind(canonical));
    }
  }));
});

Deno.test("every IPv6 address that a URL can hold is read", () => {
  fc.assert(fc.property(fc.ipV6(), (address) => {
    const { hostname } = new URL(`http://[${address}]/`);
    strictEqual(parseAddress(hostname.slice(1, -1))?.length, 16);
    notStrictEqual(addressKind(hostname), undefined);
  }));
});

Deno.test("names are this machine only where no name server is asked", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "[::1]"]) {
    strictEqual(isLoopbackHost(host), true, host);
  }
  for (const host of ["localhost.example", "127.0.0.1.example", "notlocalhost", "10.0.0.1"]) {
    strictEqual(isLoopbackHost(host), false, host);
  }
});

Deno.test("only what strangers can reach may be asked, or what is where the MCP server is", () => {
  const rows: readonly (readonly [
    kind: AddressKind,
    home: AddressKind,
    host: string,
    allowed: boolean,
    may: boolean,
  ])[] = [
    // kind, home's kind, host, --allow-private-auth
    ["public", "public", "a", false, true],
    ["public", "loopback", "a", false, true],
    ["loopback", "public", "a", false, false],
    ["private", "public", "a", false, false],
    ["link-local", "public", "a", false, false],
    ["loopback", "loopback", "a", false, true],
    ["private", "private", "a", false, true],
    ["link-local", "link-local", "a", false, false],
    ["link-local", "link-local", "home", false, true],
    ["private", "public", "home", false, true],
    ["private", "loopback", "a", false, false],
    ["loopback", "private", "a", false, false],
    ["private", "public", "a", true, true],
    ["link-local", "public", "a", true, true],
    ["reserved", "reserved", "home", true, false],
  ];
  for (const [kind, homeKind, host, allowed, may] of rows) {
    strictEqual(
      mayConnect(host, kind, { hostname: "home", kind: homeKind }, allowed),
      may,
      `${kind} from ${homeKind}`,
    );
  }
});
