import assert from "node:assert/strict";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { HealthProbe } from "../../src/main/http/health-probe.js";
import { HttpServer } from "../../src/main/http/http-server.js";
import {
  clientPages,
  metricsPortPages,
  OPEN_ACCESS,
  type PageSources,
} from "../../src/main/http/router.js";
import { Port } from "../../src/main/transport/port.js";
import { ErrorCode, type Outcome, refuse, succeed } from "../../src/shared/errors.js";
import { ANY_PORT } from "./harness.js";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A server whose state the tests set. */
class FakeServer implements HealthProbe {
  alarmNames: ("NOSPACE" | "CORRUPT")[] = [];
  leader = true;
  learner = false;
  local: Outcome<unknown> = succeed(0);
  quorum: Outcome<unknown> = succeed(0);
  readonly results: string[] = [];

  alarms = () => this.alarmNames;
  hasLeader = () => this.leader;
  isLearner = () => this.learner;
  serializableRead = async () => this.local;
  linearizableRead = async () => this.quorum;
}

const bugs: unknown[] = [];
let fake = new FakeServer();
let client: Port;
let metrics: Port;
let guarded: Port;

const sources: PageSources = {
  probe: {
    alarms: () => fake.alarms(),
    hasLeader: () => fake.hasLeader(),
    isLearner: () => fake.isLearner(),
    serializableRead: () => fake.serializableRead(),
    linearizableRead: () => fake.linearizableRead(),
  },
  healthObserver: {
    health: (ok) => fake.results.push(`health ${ok}`),
    check: (kind, name, ok) => fake.results.push(`${kind} ${name} ${ok}`),
  },
  metrics: { scrape: async () => "some_metric 1\n" },
  version: { server: "3.7.1", cluster: () => "3.7.0", storage: () => undefined },
  onBug: (error) => bugs.push(error),
};

async function serve(pages: ReturnType<typeof clientPages>): Promise<Port> {
  const server = new HttpServer(pages);
  return Port.listen(ANY_PORT, { http1: (connection) => server.accept(connection) });
}

before(async () => {
  client = await serve(clientPages(sources, OPEN_ACCESS));
  metrics = await serve(metricsPortPages(sources));
  guarded = await serve(
    clientPages(sources, {
      origins: new Set(["https://good.example"]),
      hosts: new Set(["etcd.example"]),
    }),
  );
});

after(async () => {
  for (const port of [client, metrics, guarded]) await port.close(0);
  assert.deepEqual(bugs, []);
});

function ask(
  port: Port,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(
      { port: port.portNumber, path, agent: false, ...options },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const body = Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      },
    );
    call.on("error", reject).end();
  });
}

const TEXT = "text/plain; charset=utf-8";

describe("/health", () => {
  type Case = readonly [
    name: string,
    change: Partial<FakeServer>,
    query: string,
    status: number,
    body: string,
  ];
  const down = refuse(ErrorCode.timeout);
  const cases: readonly Case[] = [
    ["is good", {}, "", 200, '{"health":"true","reason":""}'],
    [
      "fails on the space alarm",
      { alarmNames: ["NOSPACE"] },
      "",
      503,
      '{"health":"false","reason":"ALARM NOSPACE"}\n',
    ],
    [
      "fails on the corruption alarm before anything else",
      { alarmNames: ["CORRUPT"], leader: false, quorum: down },
      "",
      503,
      '{"health":"false","reason":"ALARM CORRUPT"}\n',
    ],
    [
      "leaves excluded alarms out",
      { alarmNames: ["NOSPACE", "CORRUPT"] },
      "?exclude=NOSPACE&exclude=CORRUPT",
      200,
      '{"health":"true","reason":""}',
    ],
    [
      "fails without a leader before it reads",
      { leader: false, quorum: down },
      "",
      503,
      '{"health":"false","reason":"RAFT NO LEADER"}\n',
    ],
    [
      "reads locally without a leader when asked to",
      { leader: false, quorum: down },
      "?serializable=true",
      200,
      '{"health":"true","reason":""}',
    ],
    [
      "fails on a read that failed",
      { quorum: down },
      "",
      503,
      '{"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"}\n',
    ],
  ];
  for (const [name, change, query, status, body] of cases) {
    test(name, async () => {
      fake = Object.assign(new FakeServer(), change);
      const answer = await ask(client, `/health${query}`);
      assert.equal(answer.status, status);
      assert.equal(String(answer.body), body);
      assert.equal(answer.headers["content-type"], TEXT);
      assert.equal(answer.headers["content-length"], String(body.length));
      assert.deepEqual(fake.results, [`health ${status === 200}`]);
    });
  }
});

describe("/livez and /readyz", () => {
  const down = refuse(ErrorCode.timeout);
  type Case = readonly [
    name: string,
    change: Partial<FakeServer>,
    path: string,
    status: number,
    lines: readonly string[],
  ];
  const all = ["data_corruption", "serializable_read", "linearizable_read", "non_learner"];
  const good = all.map((name) => `[+]${name} ok`);
  const cases: readonly Case[] = [
    ["/livez is ok", {}, "/livez", 200, ["ok"]],
    ["/livez says its check", {}, "/livez?verbose", 200, ["[+]serializable_read ok", "ok"]],
    ["/livez needs no quorum", { leader: false, quorum: down }, "/livez", 200, ["ok"]],
    ["/readyz is ok", {}, "/readyz", 200, ["ok"]],
    ["/readyz says its checks", {}, "/readyz?verbose", 200, [...good, "ok"]],
    ["/readyz passes with the space alarm", { alarmNames: ["NOSPACE"] }, "/readyz", 200, ["ok"]],
    [
      "/readyz shows every line when one fails",
      { quorum: down },
      "/readyz",
      503,
      [
        "[+]data_corruption ok",
        "[+]serializable_read ok",
        "[-]linearizable_read failed: etcdserver: request timed out",
        "[+]non_learner ok",
        "",
      ],
    ],
    [
      "/readyz fails on corruption and for a learner",
      { alarmNames: ["CORRUPT"], learner: true },
      "/readyz?exclude=serializable_read&exclude=linearizable_read",
      503,
      [
        "[-]data_corruption failed: alarm activated: CORRUPT",
        "[-]non_learner failed: not supported for learner",
        "",
      ],
    ],
    [
      "/readyz leaves excluded checks out and ignores unknown names",
      { quorum: down },
      "/readyz?exclude=linearizable_read&exclude=nonsense",
      200,
      ["ok"],
    ],
    [
      "a check has a page",
      { quorum: down },
      "/readyz/non_learner?verbose",
      200,
      [good[3] ?? "", "ok"],
    ],
    ["a check's page fails alone", { learner: true }, "/readyz/linearizable_read", 200, ["ok"]],
    ["an unknown check is not found", {}, "/readyz/nonsense", 404, ["404 page not found"]],
    ["livez has not readyz's checks", {}, "/livez/non_learner", 404, ["404 page not found"]],
  ];
  for (const [name, change, path, status, lines] of cases) {
    test(name, async () => {
      fake = Object.assign(new FakeServer(), change);
      const answer = await ask(client, path);
      assert.equal(answer.status, status);
      assert.equal(String(answer.body), `${lines.join("\n")}\n`);
      assert.equal(answer.headers["content-type"], TEXT);
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
    });
  }

  test("each check is reported with its result", async () => {
    fake = Object.assign(new FakeServer(), { learner: true });
    await ask(client, "/readyz");
    assert.deepEqual(fake.results.sort(), [
      "readyz data_corruption true",
      "readyz linearizable_read true",
      "readyz non_learner false",
      "readyz serializable_read true",
    ]);
  });
});

describe("verbs and paths", () => {
  test("pages that only GET answer other verbs 405 with Allow", async () => {
    fake = new FakeServer();
    for (const path of ["/health", "/livez", "/readyz/non_learner", "/version"]) {
      const answer = await ask(client, path, { method: "POST" });
      assert.equal(answer.status, 405, path);
      assert.equal(answer.headers.allow, "GET");
      assert.equal(String(answer.body), "Method Not Allowed\n");
      const head = await ask(client, path, { method: "HEAD" });
      assert.equal(head.status, 405);
      assert.equal(head.body.length, 0);
    }
  });

  test("OPTIONS is answered 200 and empty on client ports, and as any verb on metrics ports", async () => {
    const answer = await ask(client, "/anything", { method: "OPTIONS" });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.length, 0);
    assert.equal((await ask(metrics, "/health", { method: "OPTIONS" })).status, 405);
  });

  test("everything else is not found", async () => {
    for (const path of ["/", "/health/", "/v2/keys", "/members", "*"]) {
      const answer = await ask(client, path);
      assert.equal(answer.status, 404, path);
      assert.equal(String(answer.body), "404 page not found\n");
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
    }
  });

  test("a metrics port serves metrics and health, and neither /version nor CORS headers", async () => {
    fake = new FakeServer();
    for (const path of ["/metrics", "/health", "/livez", "/readyz", "/readyz/non_learner"]) {
      const answer = await ask(metrics, path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
    }
    assert.equal((await ask(metrics, "/version")).status, 404);
  });
});

describe("/version and /metrics", () => {
  test("/version gives the three versions as JSON", async () => {
    const answer = await ask(client, "/version");
    assert.equal(answer.headers["content-type"], "application/json");
    assert.equal(
      String(answer.body),
      '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"unknown"}',
    );
  });

  test("/metrics gives the text, and gzip when asked for", async () => {
    const plain = await ask(client, "/metrics");
    const type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    assert.equal(plain.headers["content-type"], type);
    assert.equal(String(plain.body), "some_metric 1\n");
    const packed = await ask(client, "/metrics", { headers: { "accept-encoding": "gzip" } });
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.equal(String(gunzipSync(packed.body)), "some_metric 1\n");
  });
});

describe("access rules", () => {
  const HOST = { host: "etcd.example:2379" };

  test("open access allows every origin", async () => {
    const { headers } = await ask(client, "/version");
    assert.equal(headers["access-control-allow-origin"], "*");
    assert.equal(headers["access-control-allow-methods"], "POST, GET, OPTIONS, PUT, DELETE");
    assert.equal(headers["access-control-allow-headers"], "accept, content-type, authorization");
  });

  test("limited origins are echoed, others get no header", async () => {
    const allowed = { ...HOST, origin: "https://good.example" };
    const good = await ask(guarded, "/version", { headers: allowed });
    assert.equal(good.headers["access-control-allow-origin"], "https://good.example");
    const denied = { ...HOST, origin: "https://bad.example" };
    const bad = await ask(guarded, "/version", { headers: denied });
    assert.equal(bad.status, 200);
    assert.equal(bad.headers["access-control-allow-origin"], undefined);
  });

  test("a host name outside the list is misdirected", async () => {
    const answer = await ask(guarded, "/version");
    assert.equal(answer.status, 421);
    assert.match(String(answer.body), /CVE-2018-5702/);
    assert.equal((await ask(guarded, "/version", { headers: HOST })).status, 200);
  });
});

describe("HttpServer", () => {
  test("drain() answers the request that runs and closes idle connections", async () => {
    let release: () => void = () => {};
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    const arrived: string[] = [];
    const server = new HttpServer((request, response) => {
      arrived.push(request.url ?? "");
      void waiting.then(() => response.end("late"));
    });
    const port = await Port.listen(ANY_PORT, { http1: (connection) => server.accept(connection) });
    const answer = ask(port, "/slow");
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (arrived.length > 0) resolve();
        else setImmediate(look);
      };
      look();
    });
    server.drain();
    release();
    assert.equal(String((await answer).body), "late");
    await port.close(10_000);
  });
});
