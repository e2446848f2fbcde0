// A good client comes to the end that each scenario of the pack `core` promises, and nothing is found to be wrong with it.
//
// Needs a running server: OPENAI_BASE_URL. Every scenario has a sandbox of its own, whose clock the client's sleeps move.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { GoodClient } from './good_client.mjs';
import { Sandbox, datasetBytes } from './sandbox.mjs';

const ENDED = { recover: 'recovered', give_up: 'gave_up' };
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };
const seconds = (duration) =>
  [...duration.matchAll(/(\d+)([smhd])/g)].reduce((sum, [, count, unit]) => sum + count * SECONDS[unit], 0);

const listed = await new Sandbox('core').control('GET', 'scenarios');
const expected = Object.fromEntries(listed.scenarios.map((each) => [each.name, each.expect]));
const core = listed.packs.find((each) => each.name === 'core').scenarios;

for (const name of core) test(`under ${name}`, () => check(name, 0));

// The SDK's pauses pass in wall time, so this is not for every scenario.
test('under lost-create, with the retries of the SDK on', () => check('lost-create', 2));

async function check(name, maxRetries) {
  const sandbox = new Sandbox(`good-${name}-${maxRetries}`);
  let { now } = await sandbox.freeze();
  const began = now;
  await sandbox.control('PUT', 'scenario', { name });
  const client = new GoodClient(new OpenAI({ apiKey: sandbox.apiKey, maxRetries, timeout: 10_000 }), {
    sleep: async (s) => ({ now } = await sandbox.advance({ by: `${s.toFixed(6)}s` })),
    now: () => now,
  });

  const outcome = await client.tune(datasetBytes(), 'gpt-4o-mini-2024-07-18');

  const { outcome: end, within, allow } = expected[name];
  assert.equal(outcome.ended, ENDED[end], outcome.reason);
  assert.ok(outcome.model ?? outcome.reason);
  assert.ok(now - began <= seconds(within), `${now - began} s`);
  const verdict = await sandbox.control('GET', `verdict?allow=${allow.join(',')}`);
  assert.deepEqual(verdict.findings, []);
}
