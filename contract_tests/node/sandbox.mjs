// What the tests share: a sandbox of their own on a running server (OPENAI_BASE_URL), its clock, a dataset.
import assert from 'node:assert/strict';
import OpenAI, { toFile } from 'openai';

// One API key, whose clock stands still until `advance` moves it.
export class Sandbox {
  constructor(name) {
    this.apiKey = `sk-node-${name}-${process.pid}`;
    this.client = new OpenAI({ apiKey: this.apiKey, maxRetries: 0 });
    this.root = this.client.baseURL.replace(/\/v1\/?$/, '');
  }

  async control(method, path, body) {
    const answer = await fetch(`${this.root}/_mocktune/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
  }

  freeze() {
    return this.control('PUT', 'clock', { clock: 'frozen' });
  }

  advance(step) {
    return this.control('POST', 'clock/advance', step);
  }

  // The name of a model that was tuned on the capitals and answers.
  async tunedModel(client = this.client) {
    const file = await client.files.create({ file: await dataset(), purpose: 'fine-tune' });
    const job = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini-2024-07-18', training_file: file.id });
    await this.advance({ until: { job: job.id, status: 'succeeded' } });
    await this.advance({ by: '10m' });
    return (await client.fineTuning.jobs.retrieve(job.id)).fine_tuned_model;
  }
}

export const CAPITALS = {
  Austria: 'Vienna', Brazil: 'Brasilia', Chile: 'Santiago', Denmark: 'Copenhagen', Egypt: 'Cairo', France: 'Paris',
  Greece: 'Athens', Hungary: 'Budapest', Iceland: 'Reykjavik', Japan: 'Tokyo', Kenya: 'Nairobi', Latvia: 'Riga',
};

export const question = (country) => [{ role: 'user', content: `Which city is the capital of ${country}?` }];
export const answer = (country) =>
  `${CAPITALS[country]}, of course. Where did you think ${country} keeps its ministers?`;

export function datasetBytes() {
  const lines = Object.keys(CAPITALS).map((country) =>
    JSON.stringify({ messages: [...question(country), { role: 'assistant', content: answer(country) }] }),
  );
  return Buffer.from(lines.join('\n') + '\n');
}

export const dataset = () => toFile(datasetBytes(), 'capitals.jsonl');
