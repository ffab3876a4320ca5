// A strict stand-in for IBM watsonx.ai and its token service: it refuses what the service refuses,
// so that a client's mistake shows. What a model does stands in its name: see `behaviours`.
//
// mockStart() gives {url, stats, expireTokens, holdTokens, close}. Tokens are signed by nobody but
// have the form of a JWT, because clients look into them.
import {serverListen} from './mock_parts.mjs';

export const apiKey = 'watsonx-mock-key';
export const project = 'mock-project';
export const space = 'mock-space';
export const words = ['Hello', ' from', ' the', ' lake', ' — é', ' 😀', '.'];

const version = /^\d{4}-\d{2}-\d{2}$/;
const chatFields = new Set([
  'model_id', 'project_id', 'space_id', 'messages', 'tools', 'tool_choice', 'tool_choice_option',
  'frequency_penalty', 'logit_bias', 'logprobs', 'top_logprobs', 'max_tokens',
  'max_completion_tokens', 'n', 'presence_penalty', 'response_format', 'seed', 'stop',
  'temperature', 'top_p', 'guided_choice', 'guided_regex', 'guided_grammar', 'guided_json',
  'repetition_penalty', 'length_penalty', 'include_reasoning', 'reasoning_effort', 'time_limit',
  'chat_template_kwargs', 'context']);
const generationFields = new Set([
  'decoding_method', 'length_penalty', 'max_new_tokens', 'min_new_tokens', 'random_seed',
  'stop_sequences', 'temperature', 'time_limit', 'top_k', 'top_p', 'repetition_penalty',
  'truncate_input_tokens', 'return_options', 'include_stop_sequence']);
const messageFields = {
  system: new Set(['role', 'content', 'name']),
  user: new Set(['role', 'content', 'name']),
  assistant: new Set(['role', 'content', 'name', 'refusal', 'tool_calls']),
  tool: new Set(['role', 'content', 'tool_call_id']),
};
const partTypes = new Set(['text', 'image_url', 'input_audio', 'video_url']);

class Refusal extends Error {
  constructor(status, code, message, target) {
    super(message);
    this.status = status;
    this.body = {
      errors: [{code, message, ...(target && {target: {type: 'field', name: target}})}],
      trace: 'mock-trace', status_code: status,
    };
  }
}

function need(condition, code, message, target) {
  if (!condition) throw new Refusal(400, code, message, target);
}

function fieldsCheck(object, known, where) {
  for (const key of Object.keys(object)) {
    need(known.has(key), 'json_validation_error', `${where}: unknown field ${key}`, key);
  }
}

function base64url(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function messagesCheck(messages) {
  need(Array.isArray(messages) && messages.length > 0, 'json_type_error', 'no messages',
       'messages');
  for (const message of messages) {
    const known = messageFields[message.role];
    need(known, 'invalid_input_argument', `unknown role ${message.role}`, 'messages');
    fieldsCheck(message, known, `message of ${message.role}`);
    const text = typeof message.content === 'string';
    if (message.role === 'user') {
      need(text || Array.isArray(message.content), 'json_type_error', 'user content', 'messages');
      for (const part of text ? [] : message.content) {
        need(partTypes.has(part.type), 'json_type_error', `part ${part.type}`, 'messages');
      }
    } else if (message.role === 'assistant') {
      need(text || message.tool_calls?.length > 0, 'json_type_error', 'assistant', 'messages');
      for (const call of message.tool_calls ?? []) {
        fieldsCheck(call, new Set(['id', 'type', 'function']), 'tool call');
        need(call.type === 'function' && typeof call.function.arguments === 'string',
             'json_type_error', 'tool call', 'messages');
      }
    } else {
      need(text, 'json_type_error', `content of ${message.role} must be a string`, 'messages');
    }
  }
}

function toolsCheck(body) {
  const {tools, tool_choice: choice, tool_choice_option: option} = body;
  need(choice === undefined || option === undefined, 'invalid_request_entity',
       'tool_choice and tool_choice_option');
  need(choice === undefined || choice?.function?.name, 'json_type_error', 'tool_choice is no object',
       'tool_choice');
  need(option === undefined || ['auto', 'none', 'required'].includes(option),
       'invalid_input_argument', 'tool_choice_option', 'tool_choice_option');
  need(tools || !(choice || option), 'invalid_request_entity', 'a choice without tools');
  need(tools === undefined || tools.length > 0, 'invalid_request_entity', 'no tools', 'tools');
  for (const tool of tools ?? []) {
    fieldsCheck(tool, new Set(['type', 'function']), 'tool');
    fieldsCheck(tool.function, new Set(['name', 'description', 'parameters']), 'function');
  }
}

function chatCheck(body) {
  messagesCheck(body.messages);
  toolsCheck(body);
  for (const cap of ['max_tokens', 'max_completion_tokens']) {
    need(body[cap] === undefined || (Number.isInteger(body[cap]) && body[cap] >= 0),
         'invalid_input_argument', cap, cap);
  }
  need(body.stop === undefined || (Array.isArray(body.stop) && body.stop.length <= 4),
       'json_type_error', 'stop must be an array', 'stop');
  need(body.reasoning_effort === undefined ||
       ['low', 'medium', 'high'].includes(body.reasoning_effort),
       'invalid_input_argument', 'reasoning_effort', 'reasoning_effort');
}

function generationCheck(body) {
  need(typeof body.input === 'string', 'json_type_error', 'input', 'input');
  const parameters = body.parameters ?? {};
  fieldsCheck(parameters, generationFields, 'parameters');
  need(parameters.decoding_method !== 'sample' || parameters.temperature !== 0,
       'invalid_input_argument', 'a temperature of 0 needs greedy', 'temperature');
  need(parameters.stop_sequences === undefined || parameters.stop_sequences.length <= 6,
       'invalid_input_argument', 'stop_sequences', 'stop_sequences');
}

function embeddingsCheck(body) {
  need(Array.isArray(body.inputs) && body.inputs.length > 0 &&
       body.inputs.every((input) => typeof input === 'string'), 'json_type_error', 'inputs',
       'inputs');
  need(body.inputs.length <= 1000, 'invalid_input_argument', 'more than 1000 inputs', 'inputs');
  fieldsCheck(body.parameters ?? {}, new Set(['truncate_input_tokens', 'return_options']),
              'parameters');
}

// Errors by the model's name; the names of answers are in the functions that write them.
const behaviours = {
  'mock/busy': () => new Refusal(429, 'consumption_limit_reached',
                                 'too many concurrent requests; try again later'),
  'mock/quota': () => new Refusal(403, 'token_quota_reached', 'the plan is used up'),
  'mock/long': () => new Refusal(400, 'invalid_input_argument',
    'the number of input tokens 9 cannot exceed the total tokens limit 8 for this model'),
  'mock/down': () => new Refusal(500, 'downstream_request_failed', 'the model is away'),
};

function embeddingOf(text) {
  const sum = [...text].reduce((total, letter) => total + letter.codePointAt(0), 0);
  return [sum / 1000, text.length / 10, -0.5, 0.25];
}

const usage = {prompt_tokens: 11, completion_tokens: words.length, total_tokens: 11 + words.length};
const calls = [
  {id: 'chatcmpl-tool-1', type: 'function',
   function: {name: 'weather', arguments: '{"city": "Como"}'}},
  {id: 'chatcmpl-tool-2', type: 'function', function: {name: 'clock', arguments: '{}'}}];

function chatAnswer(body, members) {
  const model = body.model_id ?? 'mock/deployed';
  return {
    id: 'chatcmpl-mock-1', object: members.delta ? 'chat.completion.chunk' : 'chat.completion',
    model_id: model, model, created: 1750000000, model_version: '1.0.0',
    created_at: '2026-01-01T00:00:00.000Z', ...members.top,
  };
}

function chatWhole(body) {
  const choices = [];
  for (let index = 0; index < (body.n ?? 1); ++index) {
    const message = body.tools && body.tool_choice_option !== 'none'
      ? {role: 'assistant', tool_calls: calls}
      : {role: 'assistant', content: words.join('')};
    choices.push({index, message, finish_reason: message.tool_calls ? 'tool_calls' : 'stop'});
  }
  const warnings = [{id: 'disclaimer_warning', message: 'not by IBM'}];
  return chatAnswer(body, {top: {choices, usage, system: {warnings}}});
}

// The chunks of a streamed chat; tool arguments come in pieces and encoded twice.
function* chatChunks(body) {
  const chunk = (delta, reason = null) => chatAnswer(body, {
    delta: true, top: {choices: [{index: 0, finish_reason: reason, delta}]}});
  yield chunk({role: 'assistant', content: ''});
  if (body.tools && body.tool_choice_option !== 'none') {
    for (const [index, call] of calls.entries()) {
      const {name} = call.function;
      yield chunk({tool_calls: [{index, id: call.id, type: 'function',
                                 function: {name, arguments: ''}}]});
      const twice = index === 0 ? JSON.stringify(call.function.arguments) : '';
      for (const piece of twice.match(/.{1,5}/gs) ?? []) {
        yield chunk({tool_calls: [{index, function: {name: '', arguments: piece}}]});
      }
    }
    yield chunk({content: ''}, 'tool_calls');
  } else {
    for (const word of words) yield chunk({content: word});
    yield chunk({content: ''}, 'stop');
  }
  yield chatAnswer(body, {delta: true, top: {choices: [], usage}});
}

function generationResult(text, count, input, reason) {
  return {model_id: 'mock/text', created_at: '2026-01-01T00:00:00.000Z',
          results: [{generated_text: text, generated_token_count: count,
                     input_token_count: input, stop_reason: reason}]};
}

function* generationChunks() {
  yield generationResult('', 0, 5, 'not_finished');
  for (const [at, word] of words.entries()) {
    yield generationResult(word, at + 1, 0, at + 1 < words.length ? 'not_finished' : 'eos_token');
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// Numbered, named events without an end mark; written in pieces that end within characters.
async function streamWrite(response, chunks, slow) {
  response.writeHead(200, {'content-type': 'text/event-stream', 'x-request-id': 'mock-request'});
  let number = 0;
  for (const chunk of chunks) {
    const event = Buffer.from(`id: ${++number}\nevent: message\ndata: ${JSON.stringify(chunk)}\n\n`);
    const cut = Math.floor(event.length / 2) + number % 5;
    response.write(event.subarray(0, cut));
    await sleep(slow ? 30 : 1);
    response.write(event.subarray(cut));
    if (response.destroyed) return;
  }
  response.end();
}

function* endless(body) {
  for (;;) yield* [...chatChunks(body)].slice(0, 2);
}

async function bodyRead(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

class Mock {
  stats = {tokenCalls: 0, calls: 0, refusedTokens: 0, aborted: 0, bodies: []};
  #tokens = new Map();
  #hold = Promise.resolve();
  #release = () => {};

  expireTokens() {
    for (const token of this.#tokens.keys()) this.#tokens.set(token, 0);
  }
  // The token service answers only after the function that is given back was called.
  holdTokens() {
    this.#hold = new Promise((resolve) => { this.#release = resolve; });
    return () => this.#release();
  }

  async handle(request, response) {
    const url = new URL(request.url, 'http://mock');
    try {
      await this.#route(request, response, url);
    } catch (error) {
      if (!(error instanceof Refusal) || response.headersSent) throw error;
      response.writeHead(error.status, {'content-type': 'application/json'});
      response.end(JSON.stringify(error.body));
    }
  }

  async #route(request, response, url) {
    const path = `${request.method} ${url.pathname}`;
    if (path === 'POST /identity/token') return this.#iam(request, response);
    if (path === 'POST /icp4d-api/v1/authorize') return this.#cpd(request, response);
    need(version.test(url.searchParams.get('version') ?? ''), 'invalid_input_argument',
         'the query needs a version');
    if (path === 'GET /ml/v1/foundation_model_specs') return this.#models(response, url);
    this.#authorize(request.headers.authorization ?? '');
    const found = /^POST \/ml\/v1\/(deployments\/[\w-]+\/)?text\/(\w+)$/.exec(path);
    const operation = found?.[2];
    if (!['chat', 'chat_stream', 'generation', 'generation_stream', 'embeddings']
      .includes(operation)) {
      throw new Refusal(404, 'not_found', `no such operation: ${path}`);
    }
    const streams = operation.endsWith('_stream');
    const accept = request.headers.accept ?? '';
    const wanted = streams ? 'text/event-stream' : 'application/json';
    if (!accept.includes(wanted)) throw new Refusal(406, 'not_acceptable', `accept: ${accept}`);
    if (!(request.headers['content-type'] ?? '').startsWith('application/json')) {
      throw new Refusal(415, 'unsupported_media_type', 'content-type');
    }
    const body = JSON.parse(await bodyRead(request));
    ++this.stats.calls;
    this.stats.bodies.push(body);
    this.#scopeCheck(body, found[1] !== undefined);
    await this.#answer(operation.replace('_stream', ''), streams, body, response);
  }

  async #iam(request, response) {
    ++this.stats.tokenCalls;
    const form = new URLSearchParams(await bodyRead(request));
    await this.#hold;
    const known = ['apikey', 'grant_type', 'response_type'];
    const good = request.headers['content-type'] === 'application/x-www-form-urlencoded' &&
      form.get('grant_type') === 'urn:ibm:params:oauth:grant-type:apikey' &&
      [...form.keys()].every((key) => known.includes(key));
    const refusal = !good ? ['BXNIM0109E', 'Property missing or empty.']
      : form.get('apikey') !== apiKey ? ['BXNIM0415E', 'Provided API key could not be found.']
        : null;
    response.writeHead(refusal ? 400 : 200, {'content-type': 'application/json'});
    if (refusal) {
      return response.end(JSON.stringify({errorCode: refusal[0], errorMessage: refusal[1],
                                          context: {requestId: 'mock'}}));
    }
    const {token, expires} = this.#tokenMake();
    response.end(JSON.stringify({access_token: token, refresh_token: 'not_supported',
                                 token_type: 'Bearer', expires_in: 3600, expiration: expires,
                                 scope: 'ibm openid'}));
  }

  async #cpd(request, response) {
    ++this.stats.tokenCalls;
    const body = JSON.parse(await bodyRead(request));
    const good = body.username === 'mock-user' && body.api_key === apiKey;
    response.writeHead(good ? 200 : 401, {'content-type': 'application/json'});
    response.end(JSON.stringify(good ? {_messageCode_: 'success', token: this.#tokenMake().token}
                                     : {_messageCode_: '401', message: 'no'}));
  }

  #tokenMake() {
    const issued = Math.floor(Date.now() / 1000);
    const expires = issued + 3600;
    const claims = {iat: issued, exp: expires, jti: this.stats.tokenCalls};
    const token = `${base64url({alg: 'none'})}.${base64url(claims)}.c2ln`;
    this.#tokens.set(token, expires);
    return {token, expires};
  }

  #authorize(authorization) {
    const token = authorization.replace(/^Bearer /, '');
    const expires = this.#tokens.get(token);
    if (expires !== undefined && expires > Date.now() / 1000) return;
    ++this.stats.refusedTokens;
    throw new Refusal(401, expires === undefined ? 'authentication_token_not_valid'
                                                 : 'authentication_token_expired', 'bad token');
  }

  #scopeCheck(body, deployed) {
    if (deployed) {
      need(!body.model_id && !body.project_id && !body.space_id, 'invalid_request_entity',
           'a deployment knows its model and project');
      return;
    }
    need(typeof body.model_id === 'string', 'json_validation_error', 'no model_id', 'model_id');
    need((body.project_id === undefined) !== (body.space_id === undefined),
         'invalid_request_entity', 'one of project_id and space_id');
    if (body.project_id === project || body.space_id === space) return;
    throw new Refusal(403, 'authorization_rejected', 'not a member of this project');
  }

  async #answer(operation, streams, body, response) {
    const scope = ['model_id', 'project_id', 'space_id'];
    const [fields, check] = {
      chat: [chatFields, chatCheck],
      generation: [new Set([...scope, 'input', 'parameters', 'moderations']), generationCheck],
      embeddings: [new Set([...scope, 'inputs', 'parameters']), embeddingsCheck],
    }[operation];
    fieldsCheck(body, fields, operation);
    check(body);
    if (behaviours[body.model_id]) throw behaviours[body.model_id]();
    if (body.model_id && !/^mock\/(chat|slow|text|embed)$/.test(body.model_id)) {
      throw new Refusal(404, 'model_not_supported', `Model '${body.model_id}' is not supported`);
    }
    if (streams) {
      response.on('close', () => { if (!response.writableFinished) ++this.stats.aborted; });
      const slow = body.model_id === 'mock/slow';
      const chunks = operation !== 'chat' ? generationChunks()
        : slow ? endless(body) : chatChunks(body);
      return streamWrite(response, chunks, slow);
    }
    response.writeHead(200, {'content-type': 'application/json'});
    const answer = operation === 'chat' ? chatWhole(body)
      : operation === 'generation' ? generationResult(words.join(''), words.length, 5, 'eos_token')
        : {model_id: body.model_id, created_at: '2026-01-01T00:00:00.000Z',
           results: body.inputs.map((input) => ({embedding: embeddingOf(input)})),
           input_token_count: body.inputs.length * 2};
    return response.end(JSON.stringify(answer));
  }

  #models(response, url) {
    const all = ['mock/chat', 'mock/text', 'mock/embed'];
    const start = Number(url.searchParams.get('start') ?? 0);
    const next = start + 2 < all.length
      ? {next: {href: `https://elsewhere.example${url.pathname}?start=${start + 2}`}} : {};
    response.writeHead(200, {'content-type': 'application/json'});
    response.end(JSON.stringify({total_count: all.length, limit: 2, ...next,
      resources: all.slice(start, start + 2).map((id) => ({
        model_id: id, label: id, provider: 'Mock', functions: [{id: 'text_chat'}]}))}));
  }
}

export async function mockStart() {
  const mock = new Mock();
  return Object.assign(mock, await serverListen((request, response) => {
    mock.handle(request, response).catch((error) => response.destroy(error));
  }));
}

export {embeddingOf};
