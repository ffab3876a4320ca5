// What the mocks of providers share: a server on a free port, and the answers of OpenAI-like
// services.
import http from 'node:http';

export const says = [{role: 'user', content: 'hi'}];
export const words = ['Hello', ' from', ' the', ' Fluß', ' 🌊', '.'];
export const text = words.join('');
export const usage = {prompt_tokens: 7, completion_tokens: words.length, total_tokens: 13};
export const vectorOf = (input) => [input.length, -0.5, 0.25];

export class Refusal extends Error {
  constructor(status, body, headers = {}) {
    super(`refused with ${status}`);
    Object.assign(this, {status, body, headers});
  }
}

export function answerOf(model, message = {role: 'assistant', content: text}, reason = 'stop') {
  return {
    id: 'chatcmpl-mock', object: 'chat.completion', created: 1700000000, model,
    choices: [{index: 0, message, logprobs: null, finish_reason: reason}], usage};
}

export function chunkOf(model, choices, more = {}) {
  return {id: 'chatcmpl-mock', object: 'chat.completion.chunk', created: 1700000000, model,
          choices, ...more};
}

export const deltaOf = (delta, reason = null) => [{index: 0, delta, finish_reason: reason}];

// Writes events; `end` false leaves the last blank line out.
export function eventsSend(response, items, end = true) {
  response.writeHead(200, {'content-type': 'text/event-stream'});
  const lines = items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
  const bytes = Buffer.from(
    lines.map((line) => (line.startsWith(':') ? line : `data: ${line}`)).join('\n\n') +
    (end ? '\n\n' : ''));
  // Cut anywhere, within characters too.
  for (let at = 0; at < bytes.length; at += 37) response.write(bytes.subarray(at, at + 37));
  response.end();
}

export function jsonSend(response, status, body, headers = {}) {
  response.writeHead(status, {'content-type': 'application/json', ...headers});
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

// {url, close}: a server that hands requests to `handle(request, response)`.
export async function serverListen(handle) {
  const server = http.createServer(handle);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    })};
}

// {url, requests, close}; `answer(request, body, response)` may throw a Refusal.
export async function mockServe(answer) {
  const requests = [];
  const server = await serverListen(async (request, response) => {
    let sent = '';
    for await (const piece of request) sent += piece;
    const body = sent === '' ? null : JSON.parse(sent);
    requests.push({method: request.method, url: request.url, headers: request.headers, body});
    try {
      await answer(request, body, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      jsonSend(response, error.status, error.body, error.headers);
    }
  });
  return {...server, requests};
}
