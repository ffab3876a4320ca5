// A strict stand-in for Cerebras: errors that are not wrapped, parameters it refuses, heartbeats.
import {
  Refusal, answerOf, chunkOf, deltaOf, eventsSend, jsonSend, mockServe, usage, words,
} from './mock_parts.mjs';

export const apiKey = 'csk-mock-key';
const fields = new Set([
  'model', 'messages', 'stream', 'stream_options', 'max_completion_tokens', 'temperature', 'top_p',
  'seed', 'stop', 'user', 'tools', 'tool_choice', 'response_format', 'reasoning_effort']);

function refuse(status, code, message, param = null, type = 'invalid_request_error') {
  throw new Refusal(status, {message, type, param, code});
}

export function mockStart() {
  return mockServe((request, body, response) => {
    if (request.headers.authorization !== `Bearer ${apiKey}`) {
      refuse(401, 'wrong_api_key', 'Wrong API Key', 'api_key');
    }
    if (!request.headers['user-agent']) refuse(403, 'blocked', 'no user agent');
    if (request.url !== '/v1/chat/completions') refuse(404, 'not_found', 'no such path');
    for (const field of Object.keys(body)) {
      if (!fields.has(field)) refuse(400, 'wrong_api_format', `unsupported: ${field}`, field);
    }
    for (const message of body.messages) {
      if (!['system', 'user', 'assistant', 'tool'].includes(message.role)) {
        refuse(422, 'wrong_api_format', `role ${message.role}`, 'messages');
      }
    }
    if (body.model === 'busy') {
      refuse(429, 'queue_exceeded', 'High traffic, try again', 'queue', 'too_many_requests_error');
    }
    if (body.model !== 'chat') refuse(404, 'model_not_found', 'no such model', 'model');
    if (!body.stream) {
      const answer = answerOf('chat', {role: 'assistant', content: words.join(''),
                                       reasoning: 'They greet.'});
      return jsonSend(response, 200, {...answer, time_info: {queue_time: 0.001}});
    }
    return eventsSend(response, [
      ': cerebras heartbeat', chunkOf('chat', deltaOf({role: 'assistant', reasoning: 'They'})),
      chunkOf('chat', deltaOf({reasoning: ' greet.'})),
      ...words.map((word) => chunkOf('chat', deltaOf({content: word}))), ': cerebras heartbeat',
      chunkOf('chat', deltaOf({}, 'stop'), {usage, time_info: {queue_time: 0.001}}), '[DONE]']);
  });
}
