import { accepted, type FlagRow, flagGroup, refused } from "../flag-spec.js";

const NO_DISCOVERY = refused("discovery is not supported yet by this version");

/** Flags that form and govern a cluster. docs/facts/flags.md section 2. */
export const CLUSTER_FLAGS = flagGroup("Clustering", [
  [
    "initial-advertise-peer-urls",
    "urls",
    "http://localhost:2380",
    "URLs under which the other members find this one.",
  ],
  [
    "initial-cluster",
    "text",
    "",
    "Members of a new cluster, name=url,name=url. Empty means this member alone.",
  ],
  [
    "initial-cluster-state",
    "choice",
    "new",
    "'new' to form a cluster, 'existing' to join one. Only read while there is no data.",
    { choices: ["new", "existing"] },
  ],
  [
    "initial-cluster-token",
    "text",
    "etcd-cluster",
    "Salt of the member and cluster ids: keeps clusters with the same addresses apart.",
  ],
  [
    "advertise-client-urls",
    "urls",
    "http://localhost:2379",
    "URLs that the member list gives to clients. Required with --listen-client-urls.",
  ],
  [
    "strict-reconfig-check",
    "boolean",
    "true",
    "Refuse membership changes that would lose the quorum.",
  ],
  ["pre-vote", "boolean", "true", "Ask before an election whether it could be won."],
  ["max-learners", "int", "1", "Most learners at one time."],
  ...discoveryRows(),
  ["discovery-srv", "text", "", "DNS domain whose SRV records name the members.", NO_DISCOVERY],
  ["discovery-srv-name", "text", "", "Suffix of the SRV service names.", NO_DISCOVERY],
  [
    "discovery-fallback",
    "choice",
    "exit",
    "What to do when discovery fails.",
    { ...NO_DISCOVERY, choices: ["exit", "proxy"] },
  ],
  [
    "v2-deprecation",
    "choice",
    "not-yet",
    "Phase of the removal of the v2 store.",
    {
      ...accepted("there is no v2 store"),
      choices: ["not-yet", "write-only", "write-only-skip-check", "write-only-drop-data", "gone"],
    },
  ],
]);

function discoveryRows(): readonly FlagRow[] {
  const at = (fileKey: string) => ({ ...NO_DISCOVERY, fileKey: `discovery-config.${fileKey}` });
  return [
    ["discovery-token", "text", "", "Token of the cluster to form.", at("token")],
    ["discovery-endpoints", "list", "", "Endpoints of the service.", at("client.endpoints")],
    ["discovery-dial-timeout", "duration", "2s", "Time to connect.", at("client.dial-timeout")],
    [
      "discovery-request-timeout",
      "duration",
      "5s",
      "Time for one request.",
      at("client.request-timeout"),
    ],
    ["discovery-keepalive-time", "duration", "2s", "Ping period.", at("client.keepalive-time")],
    [
      "discovery-keepalive-timeout",
      "duration",
      "6s",
      "Time to wait for a ping's answer.",
      at("client.keepalive-timeout"),
    ],
    [
      "discovery-insecure-transport",
      "boolean",
      "true",
      "Plain text to the service.",
      at("client.secure.insecure-transport"),
    ],
    [
      "discovery-insecure-skip-tls-verify",
      "boolean",
      "false",
      "Do not check the service's certificate.",
      at("client.secure.insecure-skip-tls-verify"),
    ],
    ["discovery-cert", "text", "", "Client certificate.", at("client.secure.cert")],
    ["discovery-key", "text", "", "Key of the client certificate.", at("client.secure.key")],
    ["discovery-cacert", "text", "", "CA of the service.", at("client.secure.cacert")],
    ["discovery-user", "text", "", "User, or user:password.", at("client.auth.username")],
    ["discovery-password", "text", "", "Password.", at("client.auth.password")],
  ];
}
