// A good client in Node, on the official SDK: it survives what can be survived, and gives up on the rest and says why.
//
// An example to read. The same rules in Python, and the reasons: docs/explanation/good-client.md.
import { setTimeout as wallSleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { APIError, toFile } from 'openai';

const FILE_ENDED = ['processed', 'error', 'deleted'];
const JOB_ENDED = ['succeeded', 'failed', 'cancelled']; // whatever else a status says, known or not, goes on
const HOPELESS = ['insufficient_quota', 'daily_rate_limit_exceeded', 'training_not_available'];
const MARKER = 'good_client_request';

const HOUR = 3600;
const FILE_TIMEOUT = HOUR; // all in seconds
const JOB_TIMEOUT = 24 * HOUR;
const PATIENCE = 2 * HOUR; // for errors in a row
const MODEL_PATIENCE = 0.5 * HOUR;
const TAIL_PATIENCE = 600;

class GaveUp extends Error {}

// `sleep` takes seconds and `now` gives them, from any origin.
export class GoodClient {
  constructor(client, { sleep = (s) => wallSleep(s * 1000), now = () => performance.now() / 1000 } = {}) {
    Object.assign(this, { client, sleep, now, jobs: client.fineTuning.jobs });
  }

  // { ended: 'recovered', model } or { ended: 'gave_up', reason }
  async tune(examples, model) {
    try {
      const file = await this.uploaded(examples);
      const job = await this.finished(await this.created(file.id, model));
      await this.events(job.id);
      await this.results(job);
      return { ended: 'recovered', model: await this.answering(job.fine_tuned_model) };
    } catch (error) {
      if (error instanceof GaveUp) return { ended: 'gave_up', reason: error.message };
      throw error;
    }
  }

  async uploaded(examples) {
    let file = await this.patiently(async () =>
      this.client.files.create({ file: await toFile(examples, 'examples.jsonl'), purpose: 'fine-tune' }),
    );
    const until = this.now() + FILE_TIMEOUT;
    while (!FILE_ENDED.includes(file.status)) {
      if (this.now() > until) throw new GaveUp(`the file is still ${file.status}`);
      await this.sleep(10);
      const { id } = file;
      file = await this.patiently(() => this.client.files.retrieve(id));
    }
    if (file.status !== 'processed') throw new GaveUp(`the file ended in ${file.status}: ${file.status_details}`);
    return file;
  }

  // The one job. The service knows no idempotency key: a create whose answer may be lost is looked for by a tag of its
  // own before another is sent, and the SDK must not repeat it.
  async created(training_file, model) {
    const metadata = { [MARKER]: randomUUID() };
    const backoff = this.backoff(PATIENCE);
    for (;;) {
      try {
        return whole(await this.jobs.create({ model, training_file, metadata }, { maxRetries: 0 }));
      } catch (error) {
        const trouble = troubleOf(error);
        await backoff(trouble);
        if (!trouble.mayBeDone) continue;
      }
      const page = await this.patiently(() => this.jobs.list({ metadata }));
      if (page.data.length) return page.data[0];
    }
  }

  async finished(job) {
    const until = this.now() + JOB_TIMEOUT;
    for (let pause = 10; !JOB_ENDED.includes(job.status); pause = Math.min(1.25 * pause, 300)) {
      if (this.now() > until) throw new GaveUp(`the job is still ${job.status}`);
      await this.sleep(pause);
      job = await this.job(job.id);
    }
    if (job.status === 'succeeded') return job;
    const { code, message } = job.error ?? {}; // null, {} or full of nulls on a healthy job
    throw new GaveUp([`the job ended in ${job.status}`, code, message].filter(Boolean).join(': '));
  }

  job(id) {
    return this.patiently(() => this.jobs.retrieve(id));
  }

  // Every event, oldest first, whatever its type; read again until the last one is among them.
  async events(id) {
    const until = this.now() + TAIL_PATIENCE;
    for (;;) {
      const events = [];
      let page = await this.patiently(() => this.jobs.listEvents(id, { limit: 50 }));
      for (;;) {
        events.push(...page.data);
        if (!page.hasNextPage()) break;
        const before = page;
        page = await this.patiently(() => before.getNextPage());
      }
      const isLast = (event) => event.message.includes('successfully completed');
      if (this.now() > until || events.some(isLast)) return events.reverse();
      await this.sleep(30);
    }
  }

  // The lines of the result file, which is CSV or base64 of it; none where the job never names one that exists.
  async results(job) {
    const until = this.now() + TAIL_PATIENCE;
    while (!job.result_files.length) {
      if (this.now() > until) return [];
      await this.sleep(30);
      job = await this.job(job.id);
    }
    const [id] = job.result_files;
    try {
      const text = await this.patiently(async () => ({ text: await (await this.client.files.content(id)).text() }));
      const csv = text.text.startsWith('step,') ? text.text : Buffer.from(text.text, 'base64').toString('utf8');
      return csv.trimEnd().split('\n');
    } catch (error) {
      if (error instanceof GaveUp) return [];
      throw error;
    }
  }

  // The model, once it has answered: a new one is unknown at first (404), then it loads (429, 503, or silence).
  async answering(model) {
    if (!model) throw new GaveUp('the job succeeded without a model');
    const messages = [{ role: 'user', content: 'Are you there?' }];
    const backoff = this.backoff(MODEL_PATIENCE);
    for (;;) {
      try {
        whole(await this.client.chat.completions.create({ model, messages, max_completion_tokens: 5 }));
        return model;
      } catch (error) {
        const trouble = troubleOf(error);
        await backoff({ ...trouble, temporary: trouble.temporary || trouble.unknownModel });
      }
    }
  }

  // What `ask` answers, asked again while the trouble is temporary: for requests that may be repeated.
  async patiently(ask) {
    const backoff = this.backoff(PATIENCE);
    for (;;) {
      try {
        return whole(await ask());
      } catch (error) {
        await backoff(troubleOf(error));
      }
    }
  }

  // Pauses before the next try: each twice the one before, none shorter than the service asks, `within` in all.
  backoff(within) {
    const until = this.now() + within;
    let next = 5;
    return async (trouble) => {
      const pause = Math.max(next, trouble.retryAfter);
      if (!trouble.temporary || this.now() + pause > until) throw new GaveUp(trouble.text);
      next = Math.min(2 * next, 60);
      await this.sleep(pause);
    };
  }
}

// The SDK returns the text of a page where it wanted an object.
function whole(answer) {
  if (typeof answer === 'string') throw new SyntaxError(`an answer that is no JSON: ${answer.slice(0, 80)}`);
  return answer;
}

// What went wrong with a request, and what it says of the next. Status 0: no whole answer arrived.
function troubleOf(error) {
  if (error instanceof GaveUp) throw error;
  // fetch says TypeError of a connection that breaks within a body, and JSON.parse SyntaxError of half an answer.
  if (!(error instanceof APIError || error instanceof TypeError || error instanceof SyntaxError)) throw error;
  const status = error.status ?? 0;
  const code = error.code ?? null;
  return {
    text: `${status || 'no whole answer'} ${code ?? ''}: ${error.message}`,
    retryAfter: retryAfter(error.headers),
    temporary: !HOPELESS.includes(code) && ([0, 408, 429].includes(status) || status >= 500),
    mayBeDone: status === 0 || status === 408 || status >= 500, // a 429 says that it is not
    unknownModel: status === 404 && code === 'model_not_found',
  };
}

// Seconds to wait, by a number or a date, which is compared with the service's own clock; 0 where nothing is said.
function retryAfter(headers) {
  const asked = headers?.get('retry-after');
  if (!asked) return 0;
  const milliseconds = Number(headers.get('retry-after-ms') || NaN);
  if (Number.isFinite(milliseconds)) return Math.max(0, milliseconds / 1000);
  if (Number.isFinite(Number(asked))) return Math.max(0, Number(asked));
  return Math.max(0, (Date.parse(asked) - Date.parse(headers.get('date'))) / 1000) || 0;
}
