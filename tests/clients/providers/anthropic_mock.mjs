// A strict stand-in for Anthropic's API: it answers what the API would, and refuses what the API
// refuses. `mockStart()` gives {url, requests, close}.
//
// What it is to do stands in the model's name, behind "claude-mock": "-error-529", "-stall" (text
// that never ends), "-late-error" (an error behind some text), "-first-error" (an error in place of
// an answer, with status 200), "-refusal", "-page". Answers come from the last message: the result
// of a tool is repeated, "tool" or "tools" call the first one or the first two, else the text comes
// back.
import {serverListen} from './mock_parts.mjs';

const KEY = 'anthropic-key';
const TOP = new Set(['model', 'max_tokens', 'messages', 'system', 'stream', 'temperature', 'top_p',
  'top_k', 'stop_sequences', 'tools', 'tool_choice', 'metadata', 'thinking', 'output_config',
  'service_tier']);
const TYPES = {400: 'invalid_request_error', 401: 'authentication_error', 403: 'permission_error',
  404: 'not_found_error', 413: 'request_too_large', 429: 'rate_limit_error', 500: 'api_error',
  529: 'overloaded_error'};

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function need(condition, message, status = 400) {
  if (!condition) throw new Refusal(status, message);
}

function onlyKeys(value, keys, place) {
  need(value !== null && typeof value === 'object' && !Array.isArray(value), `${place}: an object`);
  for (const key of Object.keys(value)) {
    need(keys.includes(key), `${place}.${key}: Extra inputs are not permitted`);
  }
}

const isText = (value) => typeof value === 'string' && value.trim() !== '';
const isId = (value) => typeof value === 'string' && /^[a-zA-Z0-9_-]+$/.test(value);

function checkSource(source, place) {
  need(source && typeof source === 'object', `${place}: Field required`);
  if (source.type === 'url') {
    onlyKeys(source, ['type', 'url'], place);
    return need(/^https:\/\//.test(source.url), `${place}.url: Only HTTPS URLs are supported`);
  }
  if (source.type === 'text') {
    onlyKeys(source, ['type', 'media_type', 'data'], place);
    return need(source.media_type === 'text/plain' && isText(source.data), `${place}: plain text`);
  }
  need(source.type === 'base64', `${place}.type: unknown`);
  onlyKeys(source, ['type', 'media_type', 'data'], place);
  need(['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'application/pdf']
    .includes(source.media_type), `${place}.media_type: not supported`);
  need(typeof source.data === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(source.data) &&
    source.data.length % 4 === 0, `${place}.data: invalid base64`);
}

const BLOCK_KEYS = {
  text: ['text'],
  image: ['source'],
  document: ['source', 'title', 'context', 'citations'],
  tool_use: ['id', 'name', 'input'],
  tool_result: ['tool_use_id', 'content', 'is_error'],
  thinking: ['thinking', 'signature'],
  redacted_thinking: ['data'],
};

function checkBlock(block, role, place) {
  need(block && BLOCK_KEYS[block.type], `${place}.type: unknown`);
  onlyKeys(block, ['type', 'cache_control', ...BLOCK_KEYS[block.type]], place);
  const user = ['image', 'document', 'tool_result'];
  const assistant = ['tool_use', 'thinking', 'redacted_thinking'];
  need(!(role === 'assistant' && user.includes(block.type)), `${place}: not in an assistant's turn`);
  need(!(role === 'user' && assistant.includes(block.type)), `${place}: not in a user's turn`);
  if (block.type === 'text') {
    need(block.text !== '', 'messages: text content blocks must be non-empty');
    need(isText(block.text), 'messages: text content blocks must contain non-whitespace text');
  }
  if (block.type === 'image' || block.type === 'document') checkSource(block.source, place);
  if (block.type === 'thinking') need(isText(block.signature), `${place}.signature: Field required`);
  if (block.type === 'tool_use') {
    need(isId(block.id), `${place}.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
    need(isText(block.name), `${place}.name: Field required`);
    need(block.input && typeof block.input === 'object' && !Array.isArray(block.input),
      `${place}.input: Input should be a valid dictionary`);
  }
  if (block.type === 'tool_result') {
    need(isId(block.tool_use_id), `${place}.tool_use_id: Field required`);
    if (Array.isArray(block.content)) {
      block.content.forEach((inner, i) => {
        need(['text', 'image'].includes(inner?.type), `${place}.content.${i}.type: unknown`);
        checkBlock(inner, 'user', `${place}.content.${i}`);
      });
    }
  }
}

// Blocks of a message whatever its form.
function blocksOf(message) {
  if (typeof message.content !== 'string') return message.content;
  return [{type: 'text', text: message.content}];
}

// A turn that calls tools is answered, call for call, at the beginning of the next one.
function checkResults(messages) {
  messages.forEach((message, i) => {
    const blocks = blocksOf(message);
    const uses = blocks.filter((block) => block.type === 'tool_use').map((block) => block.id);
    need(new Set(uses).size === uses.length, 'messages: `tool_use` ids must be unique');
    const next = i + 1 < messages.length ? blocksOf(messages[i + 1]) : [];
    const results = next.filter((block) => block.type === 'tool_result');
    const answered = new Set(results.map((block) => block.tool_use_id));
    for (const id of uses) {
      need(answered.has(id), `messages.${i}: \`tool_use\` ids were found without \`tool_result\` ` +
        `blocks immediately after: ${id}`);
    }
    for (const id of answered) {
      need(uses.includes(id), `messages.${i + 1}: unexpected \`tool_use_id\` found in ` +
        `\`tool_result\` blocks: ${id}`);
    }
    const types = blocks.map((block) => block.type === 'tool_result');
    need(types.lastIndexOf(true) < types.filter(Boolean).length,
      `messages.${i}: tool_result blocks must come first`);
    if (i === 0) need(!types.includes(true), 'messages.0: unexpected `tool_result` blocks');
  });
}

function checkMessages(body) {
  need(Array.isArray(body.messages) && body.messages.length !== 0,
    'messages: at least one message is required');
  body.messages.forEach((message, i) => {
    onlyKeys(message, ['role', 'content'], `messages.${i}`);
    need(['user', 'assistant'].includes(message.role), `messages.${i}.role: unexpected role`);
    need(i !== 0 || message.role === 'user', 'messages: first message must use the "user" role');
    need(i === 0 || message.role !== body.messages[i - 1].role,
      'messages: roles must alternate between "user" and "assistant"');
    const blocks = blocksOf(message);
    need(Array.isArray(blocks) && blocks.length !== 0, `messages.${i}: content must be non-empty`);
    blocks.forEach((block, k) => checkBlock(block, message.role, `messages.${i}.content.${k}`));
  });
  const last = body.messages.at(-1);
  if (last.role === 'assistant') {
    const block = blocksOf(last).at(-1);
    need(block.type !== 'text' || block.text.trimEnd() === block.text,
      'messages: final assistant content cannot end with trailing whitespace');
  }
  checkResults(body.messages);
}

function checkSchema(schema, place) {
  need(schema && schema.type === 'object', `${place}.type: Field required`);
}

// What constrained decoding refuses, at any depth.
function checkStrictSchema(schema, place) {
  if (Array.isArray(schema)) return schema.forEach((one) => checkStrictSchema(one, place));
  if (schema === null || typeof schema !== 'object') return;
  for (const key of ['minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'oneOf', 'maxItems',
    'multipleOf']) {
    need(!(key in schema), `${place}: property '${key}' is not supported`);
  }
  if (schema.type === 'object' || schema.properties) {
    need(schema.additionalProperties === false,
      `${place}: 'additionalProperties' must be explicitly set to false`);
  }
  for (const inner of Object.values(schema.properties ?? {})) checkStrictSchema(inner, place);
  for (const inner of Object.values(schema.$defs ?? {})) checkStrictSchema(inner, place);
  for (const key of ['items', 'anyOf', 'allOf']) checkStrictSchema(schema[key] ?? null, place);
}

function checkTools(body) {
  const names = (body.tools ?? []).map((tool) => tool.name);
  (body.tools ?? []).forEach((tool, i) => {
    const place = `tools.${i}`;
    onlyKeys(tool, ['name', 'description', 'input_schema', 'strict', 'cache_control', 'type'], place);
    need(/^[a-zA-Z0-9_-]{1,128}$/.test(tool.name), `${place}.name: String should match pattern`);
    checkSchema(tool.input_schema, `${place}.input_schema`);
    if (tool.strict) checkStrictSchema(tool.input_schema, place);
  });
  need(new Set(names).size === names.length, 'tools: Tool names must be unique.');
  const history = (body.messages ?? []).flatMap(blocksOf).some((block) => block.type === 'tool_use');
  need(!history || names.length !== 0, 'Requests which include `tool_use` or `tool_result` blocks ' +
    'must define tools');
  const choice = body.tool_choice;
  if (choice === undefined) return;
  need(names.length !== 0, 'tool_choice may only be specified while providing tools.');
  need(['auto', 'any', 'tool', 'none'].includes(choice.type), 'tool_choice.type: unknown');
  onlyKeys(choice, choice.type === 'none' ? ['type'] : choice.type === 'tool'
    ? ['type', 'name', 'disable_parallel_tool_use'] : ['type', 'disable_parallel_tool_use'],
  'tool_choice');
  if (choice.type === 'tool') need(names.includes(choice.name), `Tool '${choice.name}' not found`);
  if (['any', 'tool'].includes(choice.type)) {
    need(!['enabled', 'adaptive'].includes(body.thinking?.type),
      'Thinking may not be enabled when tool_choice forces tool use.');
  }
}

function checkSampling(body) {
  if (body.temperature !== undefined) {
    need(body.temperature >= 0 && body.temperature <= 1, 'temperature: range: 0..1');
    need(body.top_p === undefined, '`temperature` and `top_p` cannot both be specified');
  }
  for (const stop of body.stop_sequences ?? []) {
    need(isText(stop), 'stop_sequences: each stop sequence must contain non-whitespace');
  }
  const thinking = body.thinking;
  if (thinking?.type === 'enabled') {
    onlyKeys(thinking, ['type', 'budget_tokens'], 'thinking');
    need(thinking.budget_tokens >= 1024, 'thinking.enabled.budget_tokens: at least 1024');
    need(thinking.budget_tokens < body.max_tokens,
      '`max_tokens` must be greater than `thinking.budget_tokens`');
    need(body.temperature === undefined && body.top_k === undefined,
      '`temperature` may only be set to 1 when thinking is enabled');
  }
  if (body.metadata !== undefined) onlyKeys(body.metadata, ['user_id'], 'metadata');
  if (body.service_tier !== undefined) {
    need(['auto', 'standard_only'].includes(body.service_tier), 'service_tier: unknown');
  }
  const format = body.output_config?.format;
  if (format) {
    onlyKeys(format, ['type', 'schema'], 'output_config.format');
    checkStrictSchema(format.schema, 'output_config.format.schema');
  }
}

function check(body) {
  for (const key of Object.keys(body)) {
    need(TOP.has(key), `${key}: Extra inputs are not permitted`);
  }
  need(isText(body.model), 'model: Field required');
  need(body.max_tokens !== undefined, 'max_tokens: Field required');
  need(Number.isInteger(body.max_tokens) && body.max_tokens > 0, 'max_tokens: positive integer');
  need(body.model.startsWith('claude-mock'), `model: ${body.model}`, 404);
  if (Array.isArray(body.system)) {
    body.system.forEach((block, i) => {
      need(block.type === 'text', `system.${i}.type: unknown`);
      onlyKeys(block, ['type', 'text', 'cache_control'], `system.${i}`);
      need(isText(block.text), 'system: text content blocks must be non-empty');
    });
  } else {
    need(body.system === undefined || isText(body.system), 'system: text or blocks');
  }
  checkMessages(body);
  checkTools(body);
  checkSampling(body);
}

function inputFor(schema) {
  const input = {};
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    input[name] = inner.type === 'integer' || inner.type === 'number' ? 7 : `a "${name}" – ü`;
  }
  return input;
}

function textFor(body) {
  const last = blocksOf(body.messages.at(-1));
  const results = last.filter((block) => block.type === 'tool_result');
  if (results.length !== 0) {
    const texts = results.map((block) => Array.isArray(block.content)
      ? block.content.map((inner) => inner.text ?? inner.type).join(' ') : block.content ?? '');
    return `results: ${texts.join(' | ')}`;
  }
  return last.map((block) => block.text ??
    `[${block.type} ${block.source.media_type ?? block.source.url}]`).join(' ');
}

// The blocks of an answer.
function answerFor(body) {
  const text = textFor(body);
  const choice = body.tool_choice?.type;
  const forced = choice === 'any' || choice === 'tool';
  const asked = forced ? 1 : text === 'tool' ? 1 : text === 'tools' ? 2 : 0;
  const content = [];
  if (body.thinking && body.thinking.type !== 'disabled') {
    content.push({type: 'thinking', thinking: 'Let me think.', signature: 'c2lnbmVk'});
  }
  if (asked === 0 || choice === 'none' || !body.tools) {
    content.push({type: 'text', text: body.output_config?.format ? '{"ok":true}' : text});
    return {content, stop_reason: 'end_turn'};
  }
  const limit = body.tool_choice?.disable_parallel_tool_use ? 1 : asked;
  const named = choice === 'tool'
    ? body.tools.filter((tool) => tool.name === body.tool_choice.name) : body.tools;
  if (!forced) content.push({type: 'text', text: 'I call.'});
  named.slice(0, limit).forEach((tool, i) => content.push(
    {type: 'tool_use', id: `toolu_${i + 1}`, name: tool.name, input: inputFor(tool.input_schema)}));
  return {content, stop_reason: 'tool_use'};
}

const usageStart = {input_tokens: 11, cache_creation_input_tokens: 2, cache_read_input_tokens: 3,
  output_tokens: 1};

function messageFor(body, answer) {
  return {id: 'msg_mock_1', type: 'message', role: 'assistant', model: body.model,
    content: answer.content, stop_reason: answer.stop_reason, stop_sequence: null,
    usage: {...usageStart, output_tokens: 20}};
}

function deltasOf(block) {
  if (block.type === 'text') {
    return block.text.match(/.{1,5}/gsu).map((text) => ({type: 'text_delta', text}));
  }
  if (block.type === 'thinking') {
    return [{type: 'thinking_delta', thinking: block.thinking},
      {type: 'signature_delta', signature: block.signature}];
  }
  const json = Object.keys(block.input).length === 0 ? '' : JSON.stringify(block.input);
  return ['', ...(json.match(/.{1,6}/gsu) ?? [])]
    .map((partial_json) => ({type: 'input_json_delta', partial_json}));
}

function openingOf(block) {
  if (block.type === 'text') return {type: 'text', text: ''};
  if (block.type === 'thinking') return {type: 'thinking', thinking: '', signature: ''};
  return {...block, input: {}};
}

function* eventsOf(message) {
  yield {type: 'message_start',
    message: {...message, content: [], stop_reason: null, usage: usageStart}};
  yield {type: 'ping'};
  for (const [index, block] of message.content.entries()) {
    yield {type: 'content_block_start', index, content_block: openingOf(block)};
    for (const delta of deltasOf(block)) yield {type: 'content_block_delta', index, delta};
    yield {type: 'content_block_stop', index};
  }
  yield {type: 'message_delta', delta: {stop_reason: message.stop_reason, stop_sequence: null},
    usage: {output_tokens: 20}};
  yield {type: 'message_stop'};
}

function eventText(event) {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function errorBody(status, message) {
  return {type: 'error', error: {type: TYPES[status] ?? 'api_error', message},
    request_id: 'req_mock_1'};
}

function sendJson(res, status, value, fields = {}) {
  res.writeHead(status, {'content-type': 'application/json', 'request-id': 'req_mock_1', ...fields});
  res.end(JSON.stringify(value));
}

// Odd pieces, so that events and characters are cut anywhere.
async function sendPieces(res, text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length && !res.destroyed; at += 97) {
    res.write(bytes.subarray(at, at + 97));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function sendStream(res, body, message, log) {
  res.writeHead(200, {'content-type': 'text/event-stream; charset=utf-8'});
  res.on('close', () => { log.closedEarly = !res.writableFinished; });
  const overloaded = eventText(errorBody(529, 'Overloaded'));
  if (body.model.includes('-first-error')) return res.end(overloaded);
  const texts = [...eventsOf(message)].map(eventText);
  if (body.model.includes('-late-error')) {
    await sendPieces(res, texts.slice(0, 4).join(''));
    return res.end(overloaded);
  }
  if (body.model.includes('-stall')) return sendPieces(res, texts.slice(0, 4).join(''));
  await sendPieces(res, texts.join(''));
  return res.end();
}

function sendModels(res, url) {
  const all = ['claude-mock', 'claude-mock-two', 'claude-mock-three'];
  const after = url.searchParams.get('after_id');
  const from = after === null ? 0 : all.indexOf(after) + 1;
  const size = Math.min(Number(url.searchParams.get('limit') ?? 20), 2);
  const page = all.slice(from, from + size);
  sendJson(res, 200, {data: page.map((id) => ({type: 'model', id, display_name: id,
    created_at: '2026-01-02T03:04:05Z'})), has_more: from + size < all.length,
  first_id: page[0] ?? null, last_id: page.at(-1) ?? null});
}

async function handle(req, res, requests) {
  const url = new URL(req.url, 'http://mock');
  need(req.headers['x-api-key'] !== undefined, 'x-api-key header is required', 401);
  need(req.headers['x-api-key'] === KEY, 'invalid x-api-key', 401);
  need(req.headers['anthropic-version'] === '2023-06-01', 'anthropic-version: header is required');
  if (req.method === 'GET' && url.pathname === '/v1/models') return sendModels(res, url);
  need(req.method === 'POST' && url.pathname === '/v1/messages', 'Not Found', 404);
  need(/^application\/json/.test(req.headers['content-type'] ?? ''), 'content-type: JSON expected');
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  let body;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Refusal(400, 'The request body is not valid JSON');
  }
  const log = {body, headers: req.headers, closedEarly: false};
  requests.push(log);
  check(body);
  const status = Number(/-error-(\d+)/.exec(body.model)?.[1] ?? 0);
  if (status !== 0) {
    return sendJson(res, status, errorBody(status, `told to fail with ${status}`),
      status === 429 ? {'retry-after': '7'} : {});
  }
  const answer = body.model.includes('-refusal') ? {content: [], stop_reason: 'refusal'}
    : answerFor(body);
  const message = messageFor(body, answer);
  if (body.stream) return sendStream(res, body, message, log);
  return sendJson(res, 200, message);
}

export async function mockStart() {
  const requests = [];
  const server = await serverListen((req, res) => {
    handle(req, res, requests).catch((error) => {
      if (res.headersSent) return res.destroy();
      const status = error instanceof Refusal ? error.status : 500;
      return sendJson(res, status, errorBody(status, error.message));
    });
  });
  return {...server, key: KEY, requests};
}
