// A strict stand-in for Azure OpenAI: addresses by deployment, its own key field, versions that
// know more or less, and what the content filter adds. What a deployment does stands in its name.
import {
  Refusal, answerOf, chunkOf, deltaOf, eventsSend, jsonSend, mockServe, text, usage, vectorOf,
  words,
} from './mock_parts.mjs';

export const apiKey = 'azure-mock-key';
const versions = ['2024-02-01', '2024-10-21', '2025-04-01-preview'];
const deployments = ['chat', 'embed', 'filtered', 'silent', 'busy', 'quota', 'o4-mini'];
const safe = {hate: {filtered: false, severity: 'safe'}};
const chatFields = new Set([
  'model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens', 'n',
  'tools', 'tool_choice', 'parallel_tool_calls', 'temperature', 'user', 'seed']);

function refuse(status, code, message, more = {}, headers = {}) {
  throw new Refusal(status, {error: {code, message, ...more}}, headers);
}

function chatCheck(version, deployment, body) {
  for (const field of Object.keys(body)) {
    const late = field === 'stream_options' || field === 'max_completion_tokens';
    if (chatFields.has(field) && !(late && version < '2024-09-01')) continue;
    refuse(400, null, `Unrecognized request argument supplied: ${field}`,
           {type: 'invalid_request_error', param: null});
  }
  if (deployment === 'o4-mini' && 'max_tokens' in body) {
    refuse(400, 'unsupported_parameter', 'use max_completion_tokens',
           {type: 'invalid_request_error', param: 'max_tokens'});
  }
  if (body.tools?.length === 0) refuse(400, 'empty_array', 'tools is empty', {param: 'tools'});
}

function chatStream(response, body) {
  const prompt = {choices: [], created: 0, id: '', model: '', object: '',
                  prompt_filter_results: [{prompt_index: 0, content_filter_results: safe}]};
  const pieces = words.map((word) => chunkOf('gpt-mock', deltaOf({content: word})));
  const trail = chunkOf('gpt-mock', [{index: 0, delta: {}, finish_reason: null,
                                      content_filter_offsets: {end_offset: text.length}}]);
  const counted = body.stream_options?.include_usage ? [chunkOf('gpt-mock', [], {usage})] : [];
  eventsSend(response, [
    prompt, chunkOf('gpt-mock', deltaOf({role: 'assistant', content: ''})), ...pieces,
    chunkOf('gpt-mock', deltaOf({}, 'stop')), trail, ...counted, '[DONE]']);
}

function special(deployment) {
  switch (deployment) {
    case 'filtered':
      throw new Refusal(200, {error: {
        message: 'The prompt was filtered', type: null, param: 'prompt', code: 'content_filter',
        status: 400, innererror: {code: 'ResponsibleAIPolicyViolation'}}});
    case 'busy':
      return refuse(429, '429', 'Rate limit exceeded. Try again in 21 seconds.');
    case 'quota':
      return refuse(429, 'insufficient_quota', 'The quota is used up');
    default:
      return undefined;
  }
}

export function mockStart() {
  return mockServe((request, body, response) => {
    const url = new URL(request.url, 'http://mock');
    if (request.headers['api-key'] !== apiKey || request.headers.authorization) {
      refuse(401, '401', 'Access denied due to invalid subscription key');
    }
    const v1 = url.pathname.startsWith('/openai/v1/');
    const version = url.searchParams.get('api-version');
    if (!v1 && !versions.includes(version)) refuse(404, '404', 'Resource not found');
    const parts = /^\/openai\/deployments\/([^/]+)\/(.+)$/.exec(url.pathname);
    const deployment = v1 ? body?.model : decodeURIComponent(parts?.[1] ?? '');
    const operation = v1 ? url.pathname.slice('/openai/v1/'.length) : parts?.[2];
    if (request.method !== 'POST' || !operation) refuse(404, '404', 'Resource not found');
    if (!deployments.includes(deployment)) {
      refuse(404, 'DeploymentNotFound', 'The API deployment does not exist');
    }
    special(deployment);
    if (operation === 'embeddings') {
      const entry = (input, index) => ({
        object: 'embedding', index,
        embedding: body.encoding_format === 'base64'
          ? Buffer.from(new Float32Array(vectorOf(input)).buffer).toString('base64')
          : vectorOf(input)});
      return jsonSend(response, 200, {
        object: 'list', data: [body.input].flat().map(entry), model: 'embed-mock',
        usage: {prompt_tokens: 2, total_tokens: 2}});
    }
    if (operation !== 'chat/completions') return refuse(404, '404', 'Resource not found');
    chatCheck(v1 ? '9999' : version, deployment, body);
    if (body.stream) return chatStream(response, body);
    const answer = answerOf('gpt-mock');
    answer.choices[0].content_filter_results = safe;
    if (deployment === 'silent') {
      delete answer.choices[0].message;
      answer.choices[0].finish_reason = 'content_filter';
    }
    return jsonSend(response, 200, answer, {'apim-request-id': 'apim-1'});
  });
}
