// What all client tests share: where the programs are and a few helpers.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

export const url = process.env.WEIR_URL;
export const mockUrl = process.env.MOCK_URL;
export const keys = {
  user: process.env.WEIR_KEY,
  reader: process.env.WEIR_READER_KEY,
  operator: process.env.WEIR_OPERATOR_KEY,
};

// The SDK retries by itself; the tests want to see what came first.
export function clientMake(options = {}) {
  return new OpenAI({apiKey: keys.user, baseURL: `${url}/v1`, maxRetries: 0, ...options});
}

export function says(content) {
  return [{role: 'user', content}];
}

// Reads a chat stream to its end.
export async function streamCollect(stream) {
  const seen = {texts: [], reasons: [], usage: null, chunks: 0, models: new Set(), calls: []};
  for await (const chunk of stream) {
    ++seen.chunks;
    seen.models.add(chunk.model);
    if (chunk.usage) seen.usage = chunk.usage;
    for (const choice of chunk.choices) {
      const at = choice.index;
      seen.texts[at] = (seen.texts[at] ?? '') + (choice.delta.content ?? '');
      if (choice.finish_reason) seen.reasons[at] = choice.finish_reason;
      for (const call of choice.delta.tool_calls ?? []) {
        const known = (seen.calls[call.index] ??= {id: '', name: '', arguments: ''});
        known.id += call.id ?? '';
        known.name += call.function?.name ?? '';
        known.arguments += call.function?.arguments ?? '';
      }
    }
  }
  return seen;
}

export async function mockStats() {
  const answer = await fetch(`${mockUrl}/__stats`);
  return answer.json();
}

// Asks again until `done` says yes; the test's own time limit is the only one.
export async function until(ask, done) {
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// The error that a call ends with; a call that succeeds fails the test.
export async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('the call succeeded');
}
