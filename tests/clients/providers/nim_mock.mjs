// A strict stand-in for NVIDIA's hosted NIM: it refuses unknown members, wants `input_type`,
// answers some requests with 202 to be fetched later at /status, and ends streams without a blank
// line.
import {
  Refusal, answerOf, chunkOf, deltaOf, eventsSend, jsonSend, mockServe, usage, vectorOf, words,
} from './mock_parts.mjs';

export const apiKey = 'nvapi-mock-key';
const polls = 2;
const chatFields = new Set([
  'model', 'messages', 'stream', 'stream_options', 'max_tokens', 'temperature', 'top_p', 'seed',
  'stop', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'nvext', 'n']);
const embedFields = new Set(['model', 'input', 'input_type', 'encoding_format', 'truncate',
                             'dimensions']);

function known(body, fields) {
  for (const field of Object.keys(body)) {
    if (fields.has(field)) continue;
    throw new Refusal(422, {detail: [{
      loc: ['body', field], msg: 'extra inputs are not permitted', type: 'extra_forbidden'}]});
  }
}

function problem(status, title, detail) {
  throw new Refusal(status, {status, title, detail});
}

function embed(body, response) {
  known(body, embedFields);
  if (!['query', 'passage'].includes(body.input_type)) {
    throw new Refusal(400, {error: "'input_type' parameter is required"});
  }
  if (body.encoding_format && body.encoding_format !== 'float') {
    throw new Refusal(400, {error: 'only float'});
  }
  return jsonSend(response, 200, {
    object: 'list', model: body.model, usage: {prompt_tokens: 2, total_tokens: 2},
    data: [body.input].flat().map(
      (input, index) => ({index, embedding: vectorOf(input), object: 'embedding'}))});
}

export function mockStart() {
  const waiting = new Map();
  return mockServe((request, body, response) => {
    if (request.headers.authorization !== `Bearer ${apiKey}`) {
      problem(401, 'Unauthorized', 'Authentication failed');
    }
    if (request.method === 'GET' && request.url.startsWith('/status/')) {
      const id = request.url.slice('/status/'.length);
      if (!waiting.has(id)) problem(404, 'Not Found', 'no such request');
      const left = waiting.get(id) - 1;
      waiting.set(id, left);
      if (left > 0) return jsonSend(response, 202, '', {'nvcf-reqid': id});
      return id.startsWith('bad') ? problem(500, 'Internal Server Error', 'the worker failed')
                                  : jsonSend(response, 200, answerOf('slow'));
    }
    if (request.url === '/v1/embeddings') return embed(body, response);
    if (request.url !== '/v1/chat/completions') {
      response.writeHead(404, {'content-type': 'text/plain'});
      return response.end('404 page not found');
    }
    known(body, chatFields);
    if (body.model === 'slow' || body.model === 'bad') {
      const id = `${body.model}-${waiting.size}`;
      waiting.set(id, polls);
      return jsonSend(response, 202, '', {'NVCF-REQID': id, 'NVCF-STATUS': 'pending-evaluation'});
    }
    if (body.model === 'busy') throw new Refusal(429, {status: 429, title: 'Too Many Requests'});
    if (body.model !== 'chat') problem(404, 'Not Found', 'Function f: not found for account a');
    if (!body.stream) return jsonSend(response, 200, answerOf('chat'));
    return eventsSend(response, [
      chunkOf('chat', deltaOf({role: 'assistant', content: null}), {usage: null}),
      ...words.map((word) => chunkOf('chat', deltaOf({content: word}), {usage: null})),
      chunkOf('chat', deltaOf({}, 'stop')), chunkOf('chat', [], {usage}), '[DONE]'], false);
  });
}
