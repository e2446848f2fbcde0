// Tunes a model with fetch and asks it a question.
// Planted: it polls only while the job is `running`, so that every other status on the way is taken for the end.
import { readFile } from "node:fs/promises";

const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = process.env;
const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
// lasting: false for a request that must not be sent again when its answer was lost
async function api(method, path, { body, json, lasting = true, until = [], tries = 8 } = {}) {
  const headers = { authorization: `Bearer ${key}`, ...(json && { "content-type": "application/json" }) };
  for (let n = 0; ; n++) {
    let response, text = "", status = 0;
    try {
      response = await fetch(base + path, { method, headers, body: json ? JSON.stringify(json) : body });
      text = await response.text();
      if (response.ok) return JSON.parse(text);
      status = response.status;
    } catch (error) {
      text = String(error);
    }
    if (!lasting && (!status || status >= 500)) return null;
    const final = /insufficient_quota|daily_rate_limit_exceeded/.test(text);
    const later = !status || status === 429 || status >= 500 || until.includes(status);
    if (final || !later || n + 1 >= tries) throw new Error(`${method} ${path}: ${status} ${text}`);
    await wait(Number(response?.headers.get("retry-after")) || Math.min(2 ** n, 30));
  }
}

async function createJob(training_file) {
  const metadata = { nonce: crypto.randomUUID() };
  for (let n = 0; n < 8; n++) {
    const { data } = await api("GET", `/fine_tuning/jobs?metadata[nonce]=${metadata.nonce}`);
    const json = { model: "gpt-4o-mini-2024-07-18", training_file, metadata };
    const job = data[0] ?? (await api("POST", "/fine_tuning/jobs", { json, lasting: false }));
    if (job) return job;
    await wait(2 ** n);
  }
  throw new Error("the job could not be created");
}

try {
  const form = new FormData();
  form.set("purpose", "fine-tune");
  form.set("file", new File([await readFile(process.argv[2])], "train.jsonl"));
  let file = await api("POST", "/files", { body: form });
  for (; file.status !== "processed"; await wait(5), file = await api("GET", `/files/${file.id}`)) {
    if (file.status === "error") throw new Error(`file: ${file.status_details}`);
  }
  let job = await createJob(file.id);
  do {
    await wait(30);
    job = await api("GET", `/fine_tuning/jobs/${job.id}`);
  } while (job.status === "running");
  if (job.status !== "succeeded") throw new Error(`job ${job.id} ended as ${job.status}: ${job.error?.message}`);
  const json = { model: job.fine_tuned_model, messages: [{ role: "user", content: "What is 7 times 7?" }] };
  const answer = await api("POST", "/chat/completions", { json, until: [404], tries: 60 });
  console.log(answer.choices[0].message.content);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
