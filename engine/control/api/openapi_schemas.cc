// What the bodies and answers of the API hold; openapi.h says how to read it. A list of a schema
// needs no line here: `ProviderList` is a list of `Provider`.
#include "control/api/openapi.h"

namespace weir {

namespace {

constexpr ApiSchema kSchemas[] = {
    {"Error", "error!:ErrorDetail errors!:ErrorShort[] trace!:string status_code!:integer"},
    {"ErrorDetail",
     "message!:string type!:string param:string code:string request_id!:string"},
    {"ErrorShort", "code!:string message!:string"},
    {"Health", "status!:string"},
    {"Reload", "object!:string epoch!:integer"},

    {"ChatRequest",
     "model!:string messages!:object[] stream:boolean stream_options:object max_tokens:integer "
     "max_completion_tokens:integer temperature:number top_p:number n:integer stop:any "
     "seed:integer tools:object[] tool_choice:any parallel_tool_calls:boolean "
     "response_format:object logprobs:boolean top_logprobs:integer reasoning_effort:string "
     "user:string router:Router cache:CacheWish"},
    {"ChatCompletion",
     "id!:string object!:string created!:date model!:string choices!:object[] usage:TokenUsage "
     "cached:boolean"},
    {"CompletionRequest",
     "model!:string prompt!:any stream:boolean stream_options:object max_tokens:integer "
     "temperature:number top_p:number n:integer stop:any seed:integer suffix:string echo:boolean "
     "user:string router:Router cache:CacheWish"},
    {"TextCompletion",
     "id!:string object!:string created!:date model!:string choices!:object[] usage:TokenUsage "
     "cached:boolean"},
    {"EmbeddingsRequest",
     "model!:string input!:any dimensions:integer encoding_format:string user:string"},
    {"Embeddings", "object!:string data!:object[] model!:string usage:TokenUsage"},
    {"TokenUsage", "prompt_tokens:integer completion_tokens:integer total_tokens:integer "
                   "prompt_tokens_details:object completion_tokens_details:object"},
    {"Router", "models:string[] optimization:string max_cost:number family_model:string[] "
               "region:string quality_tradeoff:number"},
    {"CacheWish", "enabled!:boolean threshold:number filter:object"},

    {"Model",
     "object!:string uuid!:string id!:string alias:string created!:date owned_by!:string "
     "provider_model_id:string provider_uuid:string environment:string metadata:object "
     "weight:integer priority:integer managed_by:string status:string"},
    {"ModelBody", "id!:string alias:string metadata:object environment:string weight:integer "
                  "priority:integer"},
    {"AvailableModel", "id!:string object!:string created!:date owned_by!:string"},
    {"Target",
     "object!:string id!:string uuid!:string provider!:string model!:string state!:string "
     "suspended_for_ms!:integer consecutive_faults!:integer suspensions!:integer "
     "last_fault!:string"},

    {"Tenant", "object!:string id!:string uuid!:string name!:string stable_name:string "
               "created!:date secrets_manager:string remote_credential_store:object"},
    {"TenantBody", "name:string secrets_manager:string"},
    {"NewTenant", "object!:string id!:string uuid!:string name!:string created!:date "
                  "secrets_manager:string remote_credential_store:object admin_key!:FirstKey"},
    {"FirstKey", "uuid!:string name!:string key!:string"},

    {"Provider",
     "uuid!:string id!:string name!:string type!:string created!:date managed_by!:string "
     "data:object data_reference:DataReference models!:Model[] timeouts:Timeouts tls:object "
     "max_connections:integer max_waiting:integer auth_errors:string strict_params:boolean "
     "headers:object options:object proxy:string"},
    {"ProviderShort", "uuid!:string id!:string name!:string type!:string"},
    {"ProviderBody",
     "name!:string data:object data_reference:DataReference timeouts:Timeouts tls:object "
     "max_connections:integer max_waiting:integer auth_errors:string strict_params:boolean "
     "headers:object options:object proxy:string"},
    {"DataReference", "resource!:string"},
    {"Timeouts", "connect:string head:string idle:string total:string"},

    {"LoadBalancer",
     "object!:string uuid!:string name:string alias!:string environment!:string "
     "algorithm!:string suspend_duration!:string max_attempts!:integer backends!:Backend[] "
     "created!:date updated_at!:date managed_by!:string status!:string"},
    {"LoadBalancerBody",
     "alias!:string name:string environment:string algorithm:string suspend_duration:any "
     "max_attempts:integer backends:Backend[]"},
    {"Backend", "model_uuid:string model:string weight:integer priority:integer"},

    {"RateLimit",
     "uuid!:string type!:string request:Bucket token:Bucket provider_uuid:string "
     "model_uuid:string key_uuid:string alias:string created_at!:date updated_at!:date "
     "managed_by!:string status!:string"},
    {"RateLimitBody",
     "type!:string request:Bucket token:Bucket provider_uuid:string model_uuid:string "
     "key_uuid:string provider:string model:string key:string"},
    {"Bucket", "amount!:integer capacity!:integer duration!:string"},

    {"Policy", "object:string uuid!:string action!:string effect!:string resource!:string "
               "subject!:string created!:date managed_by!:string"},
    {"PolicyBody", "action!:string effect:string resource!:string subject!:string"},

    {"Key",
     "object!:string uuid!:string name!:string prefix:string role!:string environment!:string "
     "groups!:string[] models!:string[] created!:date updated_at!:date expires_at:date "
     "previous_key_expires_at:date limits:KeyLimits managed_by!:string"},
    {"NewKey",
     "object!:string uuid!:string name!:string key!:string prefix:string role!:string "
     "environment!:string groups!:string[] models!:string[] created!:date updated_at!:date "
     "expires_at:date previous_key_expires_at:date limits:KeyLimits managed_by!:string"},
    {"KeyBody", "name!:string role:string environment:string groups:string[] models:string[] "
                "expires_at:any limits:KeyLimits"},
    {"KeyLimits", "request:Bucket token:Bucket"},
    {"RotateBody", "overlap:string"},

    {"IamTokenForm", "grant_type!:string apikey!:string response_type:string"},
    {"IamToken", "access_token!:string refresh_token!:string token_type!:string "
                 "expires_in!:integer expiration!:date scope!:string"},
    {"CpdAuthorize", "username:string api_key:string password:string"},
    {"CpdToken", "token!:string"},
    {"ApiKeysTokenRequest", "apikey!:string"},
    {"ApiKeysToken", "token!:string"},
    {"ServiceVersion", "version!:string"},

    {"UsagePage", "object!:string data!:UsageBucket[] has_more!:boolean next_page:string"},
    {"UsageBucket", "object!:string start_time!:date end_time!:date results!:UsageResult[]"},
    {"UsageResult", "input_tokens!:integer output_tokens!:integer total_tokens!:integer "
                    "num_model_requests!:integer cost:number"},
};

}  // namespace

std::span<const ApiSchema> api_schemas() { return kSchemas; }

}  // namespace weir
