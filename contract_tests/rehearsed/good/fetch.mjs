// Tunes a model with nothing but fetch and asks it a question, through whatever can be survived.
// What makes something is looked for before it is made again; what no waiting helps ends it with the service's own words.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const run = randomUUID();

function fail(message) {
  console.error(message);
  process.exit(1);
}

async function once(path, options = {}) {
  const headers = { authorization: `Bearer ${process.env.OPENAI_API_KEY}`, ...options.headers };
  const signal = AbortSignal.timeout(30_000);
  const response = await fetch(process.env.OPENAI_BASE_URL + path, { ...options, headers, signal });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  const error = text.startsWith("{") ? JSON.parse(text).error : { message: text };
  const passing = [408, 409, 429].includes(response.status) || response.status >= 500;
  const hopeless = ["insufficient_quota", "daily_rate_limit_exceeded"].includes(error.code);
  const wait = Number(response.headers.get("retry-after")) || 0;
  const failure = new Error(`${response.status} ${error.code ?? ""}: ${error.message}`);
  throw Object.assign(failure, { status: response.status, final: hopeless || !passing, wait });
}

// ask(), again for half an hour as long as the service says that later may go better, or says nothing
async function patiently(ask, also = []) {
  const deadline = Date.now() + 1800_000;
  for (let pause = 1; ; pause = Math.min(2 * pause, 30)) {
    try {
      return await ask();
    } catch (error) {
      const wait = 1000 * Math.max(pause, error.wait ?? 0);
      if ((error.final && !also.includes(error.status)) || Date.now() + wait > deadline) throw error;
      await sleep(wait);
    }
  }
}

const post = (path, body) =>
  once(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

async function every(path) { // all pages of a list
  for (let found = [], after = ""; ; after = `&after=${found.at(-1).id}`) {
    const page = await patiently(() => once(path + after));
    found.push(...page.data);
    if (!page.has_more || page.data.length === 0) return found;
  }
}

const made = (list, mine, make) => patiently(async () => (await every(list)).find(mine) ?? (await make()));

async function ended(path, ends, seconds) { // `paused` and statuses nobody has heard of are waited through
  for (const deadline = Date.now() + 48 * 3600_000; ; await sleep(seconds * 1000)) {
    const thing = await patiently(() => once(path));
    if (ends.includes(thing.status)) return thing;
    if (Date.now() > deadline) fail(`${thing.id} is still ${thing.status}`);
  }
}

try {
  const form = new FormData();
  form.append("purpose", "fine-tune");
  form.append("file", new Blob([readFileSync(process.argv[2])]), `${run}.jsonl`);
  const upload = () => once("/files", { method: "POST", body: form });
  const sent = await made("/files?purpose=fine-tune", (file) => file.filename === `${run}.jsonl`, upload);
  const file = await ended(`/files/${sent.id}`, ["processed", "error", "deleted"], 5);
  if (file.status !== "processed") fail(`file ${file.id} is ${file.status}: ${file.status_details}`);

  const request = { model: "gpt-4o-mini-2024-07-18", training_file: file.id, metadata: { run } };
  const jobs = `/fine_tuning/jobs?limit=100&metadata[run]=${run}`;
  const begun = await made(jobs, (job) => job.metadata?.run === run, () => post("/fine_tuning/jobs", request));
  const job = await ended(`/fine_tuning/jobs/${begun.id}`, ["succeeded", "failed", "cancelled"], 15);
  if (job.status !== "succeeded") fail(`job ${job.id} ${job.status}: ${job.error?.code}: ${job.error?.message}`);

  const events = await every(`/fine_tuning/jobs/${job.id}/events?limit=100`);
  console.log(`${events.filter((event) => event.type === "metrics").length} steps in ${events.length} events`);
  const chat = { model: job.fine_tuned_model, messages: [{ role: "user", content: "What is 7 times 7?" }] };
  const answer = await patiently(() => post("/chat/completions", chat), [404]); // unknown at first, then loading
  console.log(answer.choices[0].message.content);
} catch (error) {
  fail(`${error.message} ${error.cause ?? ""}`);
}
