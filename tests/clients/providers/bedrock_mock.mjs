// A strict stand-in for Amazon Bedrock: checks each signature itself, refuses bodies that Bedrock
// would refuse, and answers Converse, ConverseStream (as binary messages) and InvokeModel.
//
// What it does is chosen by the last text of the user: `call NAME [NAME...]` calls tools, `fail NAME
// [STATUS]` fails, `first NAME` and `later NAME` send an exception as the first or a later message
// of a stream, `cut` breaks off within a message, `slow` takes its time; all else is repeated.
import assert from 'node:assert/strict';
import {createHash, createHmac} from 'node:crypto';

import {serverListen} from './mock_parts.mjs';

export const account = {
  accessKeyId: 'AKIDMOCKEXAMPLE', secretAccessKey: 'mock/secret+key', sessionToken: 'mock/token+=='};
export const region = 'eu-west-1';
export const modelId = 'eu.amazon.nova-lite-v1:0';
const apiKey = 'mock-bedrock-api-key';

const crcTable = Array.from({length: 256}, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; ++bit) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum >>> 0;
});
function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ crcTable[(sum ^ byte) & 0xff];
  return (sum ^ 0xffffffff) >>> 0;
}

function header(name, value) {
  const text = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), length, text]);
}

export function frame(kind, type, payload) {
  const headers = Buffer.concat([header(`:${kind}-type`, type),
    header(':content-type', 'application/json'), header(':message-type', kind)]);
  const body = Buffer.from(JSON.stringify(payload));
  const message = Buffer.alloc(16 + headers.length + body.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(headers.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  headers.copy(message, 12);
  body.copy(message, 12 + headers.length);
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4);
  return message;
}

class Fault extends Error {
  constructor(name, status, message) {
    super(message);
    this.faultName = name;
    this.status = status;
  }
}
function must(condition, message) {
  if (!condition) throw new Fault('ValidationException', 400, message);
}

// The signature of a request, worked out from what arrived.
function signatureCheck(request, body, nowMs) {
  const authorization = request.headers.authorization ?? '';
  if (authorization === `Bearer ${apiKey}`) return;
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/
    .exec(authorization);
  if (!match) throw new Fault('MissingAuthenticationTokenException', 403, 'Missing token');
  const [, credential, names, signature] = match;
  const [id, day, where, service, end] = credential.split('/');
  if (id !== account.accessKeyId || request.headers['x-amz-security-token'] !== account.sessionToken) {
    throw new Fault('UnrecognizedClientException', 403, 'The security token is invalid.');
  }
  const refuse = (why) => { throw new Fault('InvalidSignatureException', 403, why); };
  if (where !== region || service !== 'bedrock' || end !== 'aws4_request') refuse('wrong scope');
  const stamp = request.headers['x-amz-date'] ?? '';
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp);
  if (!parts || !stamp.startsWith(day)) refuse('wrong date');
  const [year, month, date, hour, minute, second] = parts.slice(1).map(Number);
  const sentMs = Date.UTC(year, month - 1, date, hour, minute, second);
  if (Math.abs(sentMs - nowMs) > 300_000) refuse(`Signature expired: ${stamp}`);
  const signed = names.split(';');
  for (const name of ['host', 'x-amz-date', 'x-amz-security-token']) {
    if (!signed.includes(name)) refuse(`${name} is not signed`);
  }
  const encode = (text) => encodeURIComponent(text).replace(
    /[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const [path, query = ''] = request.url.split('?');
  const canonicalQuery = query.split('&').filter(Boolean).map((pair) => {
    const [name, value = ''] = pair.split('=');
    return `${encode(decodeURIComponent(name))}=${encode(decodeURIComponent(value))}`;
  }).sort().join('&');
  const canonical = [request.method, path.split('/').map(encode).join('/'), canonicalQuery,
    ...signed.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}`),
    '', names, createHash('sha256').update(body).digest('hex')].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', stamp, `${day}/${where}/${service}/${end}`,
    createHash('sha256').update(canonical).digest('hex')].join('\n');
  const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
  let key = `AWS4${account.secretAccessKey}`;
  for (const step of [day, where, service, end]) key = hmac(key, step);
  if (hmac(key, toSign).toString('hex') !== signature) refuse('The signature does not match.');
}

const blockKinds = ['text', 'image', 'document', 'toolUse', 'toolResult', 'reasoningContent',
  'cachePoint'];

function blockCheck(block, role, known) {
  const keys = Object.keys(block);
  must(keys.length === 1 && blockKinds.includes(keys[0]), `no such content block: ${keys}`);
  if ('text' in block) must(block.text.trim() !== '', 'The text field is blank.');
  if (block.toolUse) {
    must(role === 'assistant', 'toolUse belongs to the assistant');
    must(/^[a-zA-Z0-9_.:-]{1,64}$/.test(block.toolUse.toolUseId), 'bad toolUseId');
    must(block.toolUse.input && typeof block.toolUse.input === 'object', 'input must be an object');
    known.open.add(block.toolUse.toolUseId);
    known.tools = true;
  }
  if (block.toolResult) {
    must(role === 'user', 'toolResult belongs to the user');
    must(known.open.delete(block.toolResult.toolUseId), 'toolResult without its toolUse');
    must(block.toolResult.content.length > 0, 'a result needs content');
    for (const part of block.toolResult.content) blockCheck(part, role, known);
  }
  if (block.image) {
    must(['png', 'jpeg', 'gif', 'webp'].includes(block.image.format), 'bad image format');
    must(Buffer.from(block.image.source.bytes, 'base64').length > 0, 'no image bytes');
  }
}

function converseCheck(body) {
  const members = ['messages', 'system', 'inferenceConfig', 'toolConfig', 'outputConfig',
    'additionalModelRequestFields', 'guardrailConfig', 'serviceTier'];
  for (const key of Object.keys(body)) must(members.includes(key), `extraneous key [${key}]`);
  must(body.messages?.length > 0, 'messages is empty');
  const known = {open: new Set(), tools: false};
  body.messages.forEach((message, at) => {
    assert.deepEqual(Object.keys(message).sort(), ['content', 'role']);
    must(message.role === (at % 2 === 0 ? 'user' : 'assistant'), 'roles must alternate');
    must(message.content.length > 0, 'content is empty');
    for (const block of message.content) blockCheck(block, message.role, known);
    must(message.role === 'assistant' || known.open.size === 0, 'a tool result is missing');
  });
  for (const block of body.system ?? []) must(block.cachePoint || block.text.trim(), 'blank system');
  for (const key of Object.keys(body.inferenceConfig ?? {})) {
    must(['maxTokens', 'temperature', 'topP', 'stopSequences'].includes(key), `no such key ${key}`);
  }
  must((body.inferenceConfig?.temperature ?? 0) <= 1, 'temperature is too high');
  must(!known.tools || body.toolConfig, 'toolConfig must be defined beside toolUse');
  if (!body.toolConfig) return;
  must(body.toolConfig.tools.length > 0, 'tools is empty');
  for (const {toolSpec} of body.toolConfig.tools) {
    must(/^[a-zA-Z0-9_-]{1,64}$/.test(toolSpec.name), 'bad tool name');
    must(toolSpec.description !== '', 'empty description');
    must(toolSpec.inputSchema.json.type === 'object', 'bad schema');
  }
}

function lastText(body) {
  const last = body.messages.at(-1);
  const result = last.content.find((block) => block.toolResult);
  if (result) return `result ${result.toolResult.content.map((part) => part.text).join('')}`;
  return last.content.findLast((block) => block.text)?.text ?? '';
}

// The blocks of an answer and why it ends.
function answerMake(body) {
  const text = lastText(body);
  const [verb, ...names] = text.split(' ');
  if (verb !== 'call') return {blocks: [{text}], stopReason: 'end_turn'};
  must(body.toolConfig, 'no tools were sent');
  const calls = names.map((name, at) => ({
    toolUse: {toolUseId: `tooluse_${at}`, name, input: at === 0 ? {city: 'Oslo "N"'} : {}}}));
  return {blocks: [{text: 'I call.'}, ...calls], stopReason: 'tool_use'};
}

const usage = {inputTokens: 7, outputTokens: 5, totalTokens: 12};

function* eventsOf({blocks, stopReason}) {
  const event = (type, payload) => frame('event', type, {...payload, p: 'abcdefgh'});
  yield event('messageStart', {role: 'assistant'});
  let index = 0;
  for (const block of blocks) {
    const contentBlockIndex = index++;
    let pieces;
    if (block.toolUse) {
      const {toolUseId, name, input} = block.toolUse;
      yield event('contentBlockStart', {contentBlockIndex, start: {toolUse: {toolUseId, name}}});
      const json = JSON.stringify(input);
      pieces = json === '{}' ? [] : json.match(/.{1,5}/gs).map((input) => ({toolUse: {input}}));
    } else {
      pieces = block.text.split(/(?<= )/).map((text) => ({text}));
    }
    for (const delta of pieces) yield event('contentBlockDelta', {contentBlockIndex, delta});
    yield event('contentBlockStop', {contentBlockIndex});
  }
  yield event('messageStop', {stopReason});
  yield event('metadata', {usage, metrics: {latencyMs: 9}});
}

export function embeddingOf(text) {
  const digest = createHash('sha256').update(text).digest();
  return Array.from({length: 8}, (_, at) => digest.readInt16LE(at * 2) / 32768);
}

function invoke(model, body) {
  if (model.includes('titan-embed')) {
    assert.equal(typeof body.inputText, 'string');
    return [{embedding: embeddingOf(body.inputText), inputTextTokenCount: 3}, null];
  }
  must(model.includes('cohere.embed') && Array.isArray(body.texts), 'no such model');
  must(body.texts.length <= 96 && body.input_type, 'texts or input_type');
  return [{embeddings: {float: body.texts.map(embeddingOf)}, response_type: 'embeddings_by_type'},
    String(2 * body.texts.length)];
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function streamWrite(response, answer, text, stats) {
  response.writeHead(200, {'content-type': 'application/vnd.amazon.eventstream',
    'x-amzn-requestid': 'mock-request-2'});
  const [verb, name = ''] = text.split(' ');
  const exception = frame('exception', name || 'throttlingException', {message: `mock ${name}`});
  if (verb === 'first') return response.end(exception);
  let count = 0;
  for (const message of eventsOf(answer)) {
    if (response.destroyed) return undefined;
    if (verb === 'cut' && ++count === 3) {
      return response.end(message.subarray(0, message.length - 7));
    }
    if (verb === 'later' && ++count === 3) return response.end(exception);
    // In two pieces, so that a message seldom comes whole.
    response.write(message.subarray(0, 9));
    response.write(message.subarray(9));
    if (verb === 'slow') await sleep(30);
  }
  stats.streamsEnded += 1;
  return response.end();
}

async function handle(request, body, response, mock) {
  signatureCheck(request, body, Date.now() + mock.clockOffsetMs);
  const reply = (json, fields = {}) => {
    response.writeHead(200, {'content-type': 'application/json',
      'x-amzn-requestid': 'mock-request-1', ...fields});
    response.end(JSON.stringify(json));
  };
  const [path] = request.url.split('?');
  if (request.method === 'GET' && path === '/foundation-models') {
    return reply({modelSummaries: [
      {modelId: 'amazon.nova-lite-v1:0', providerName: 'Amazon', outputModalities: ['TEXT']}]});
  }
  if (request.method === 'GET' && path === '/inference-profiles') {
    return reply({inferenceProfileSummaries: [{inferenceProfileId: modelId}]});
  }
  const match = /^\/model\/([^/]+)\/(converse|converse-stream|invoke)$/.exec(path);
  must(request.method === 'POST' && match, `unknown operation ${request.method} ${path}`);
  assert.equal(request.headers['content-type'], 'application/json');
  const model = decodeURIComponent(match[1]);
  const json = JSON.parse(body);
  mock.stats.bodies.push(json);
  if (match[2] === 'invoke') {
    const [answer, tokens] = invoke(model, json);
    return reply(answer, tokens ? {'x-amzn-bedrock-input-token-count': tokens} : {});
  }
  converseCheck(json);
  const text = lastText(json);
  const [verb, name, status = '400'] = text.split(' ');
  if (verb === 'fail') throw new Fault(name, Number(status), `mock says ${name}`);
  const answer = answerMake(json);
  if (match[2] === 'converse-stream') return streamWrite(response, answer, text, mock.stats);
  return reply({output: {message: {role: 'assistant', content: answer.blocks}},
    stopReason: answer.stopReason, usage, metrics: {latencyMs: 9}});
}

export async function mockStart() {
  const mock = {clockOffsetMs: 0,
    stats: {requests: 0, gone: 0, refused: 0, streamsEnded: 0, bodies: []}};
  return Object.assign(mock, await serverListen((request, response) => {
    const pieces = [];
    ++mock.stats.requests;
    response.on('close', () => { if (!response.writableFinished) ++mock.stats.gone; });
    response.setHeader('date', new Date(Date.now() + mock.clockOffsetMs).toUTCString());
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      try {
        await handle(request, Buffer.concat(pieces), response, mock);
      } catch (error) {
        ++mock.stats.refused;
        response.writeHead(error.status ?? 400, {'content-type': 'application/json',
          'x-amzn-errortype': `${error.faultName ?? 'ValidationException'}:http://mock.example/`});
        response.end(JSON.stringify({message: error.message}));
      }
    });
  }));
}

export {apiKey};
