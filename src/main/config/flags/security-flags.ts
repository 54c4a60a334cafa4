import { accepted, type FlagExtra, flagGroup, refused } from "../flag-spec.js";

const NO_TLS = refused("this part of TLS with clients is not supported yet");
const NO_AUTH = accepted("authentication is not supported yet by this version");

const clientKey = (key: string): FlagExtra => ({ fileKey: `client-transport-security.${key}` });
const client = (key: string): FlagExtra => ({ ...NO_TLS, ...clientKey(key) });
const NO_PEER_TLS = refused("this part of TLS between members is not supported yet");
const peerKey = (key: string): FlagExtra => ({ fileKey: `peer-transport-security.${key}` });
const peer = (key: string): FlagExtra => ({ ...NO_PEER_TLS, ...peerKey(key) });

/** Flags of the client port's and the members' TLS, of origins and hosts. flags.md section 2. */
export const SECURITY_FLAGS = flagGroup("Security", [
  ["cert-file", "text", "", "Certificate of the client port.", clientKey("cert-file")],
  ["key-file", "text", "", "Key of that certificate.", clientKey("key-file")],
  ["trusted-ca-file", "text", "", "CA of the clients.", clientKey("trusted-ca-file")],
  ["client-cert-auth", "boolean", "false", "Demand certificates.", clientKey("client-cert-auth")],
  ["client-cert-file", "text", "", "Certificate as a client.", client("client-cert-file")],
  ["client-key-file", "text", "", "Key of that certificate.", client("client-key-file")],
  ["client-crl-file", "text", "", "Revoked certificates.", { ...NO_TLS, fileKey: null }],
  [
    "client-cert-allowed-hostname",
    "list",
    "",
    "Names that a client's certificate may carry.",
    client("allowed-hostname"),
  ],
  ["auto-tls", "boolean", "false", "Make a certificate for the client port.", client("auto-tls")],
  ["peer-cert-file", "text", "", "Certificate between members.", peerKey("cert-file")],
  ["peer-key-file", "text", "", "Key of that certificate.", peerKey("key-file")],
  ["peer-trusted-ca-file", "text", "", "CA of the members.", peerKey("trusted-ca-file")],
  ["peer-client-cert-auth", "boolean", "false", "Demand them.", peerKey("client-cert-auth")],
  ["peer-client-cert-file", "text", "", "Certificate as a client.", peer("client-cert-file")],
  ["peer-client-key-file", "text", "", "Key of that certificate.", peer("client-key-file")],
  ["peer-auto-tls", "boolean", "false", "Make a certificate for members.", peer("auto-tls")],
  ["peer-crl-file", "text", "", "Revoked certificates.", { ...NO_PEER_TLS, fileKey: null }],
  ["peer-cert-allowed-cn", "list", "", "Common names of members.", peer("allowed-cn")],
  [
    "peer-cert-allowed-hostname",
    "list",
    "",
    "Names that a member's certificate may carry.",
    peer("allowed-hostname"),
  ],
  [
    "peer-skip-client-san-verification",
    "boolean",
    "false",
    "Do not compare a member's address with its certificate.",
    {
      ...accepted("the address that a member calls from is not compared with its certificate"),
      ...peerKey("skip-client-san-verification"),
    },
  ],
  ["self-signed-cert-validity", "uint", "1", "Years that made certificates are valid.", NO_TLS],
  ["cipher-suites", "list", "", "Cipher suites of TLS 1.2.", NO_TLS],
  ["tls-min-version", "text", "TLS1.2", "Oldest TLS: TLS1.2 or TLS1.3.", NO_TLS],
  ["tls-max-version", "text", "", "Newest TLS: TLS1.2 or TLS1.3.", NO_TLS],
  [
    "cors",
    "origins",
    "*",
    "Origins allowed to call over HTTP; * means all.",
    accepted("cross-origin rules are not applied yet by this version"),
  ],
  [
    "host-whitelist",
    "list",
    "*",
    "Host names allowed in plain HTTP requests; * means all.",
    refused("host names are not checked yet by this version"),
  ],
]);

/** Flags of tokens and passwords. flags.md section 2. */
export const AUTH_FLAGS = flagGroup("Auth", [
  ["auth-token", "text", "simple", "Kind of tokens: simple, or jwt and its options.", NO_AUTH],
  ["auth-token-ttl", "uint", "300", "Seconds that an unused simple token lives.", NO_AUTH],
  ["bcrypt-cost", "uint", "10", "Cost of a password's hash, 4 to 31.", NO_AUTH],
]);
