// The handlers of the managed resources, one file for each: they read the call's body and
// parameters, change or look at the catalog, and fill the answer in.
//
// A handler that fails leaves the error in the call; what it changed before that is taken back by
// whoever runs the batch. Control thread.
#pragma once

#include <string>
#include <string_view>

#include "control/api/api_route.h"
#include "control/store/catalog.h"

namespace weir {

void provider_create(Catalog& catalog, ApiCall& made);
void provider_list(Catalog& catalog, ApiCall& made);
void provider_get(Catalog& catalog, ApiCall& made);
void provider_update(Catalog& catalog, ApiCall& made);
void provider_delete(Catalog& catalog, ApiCall& made);

void model_create(Catalog& catalog, ApiCall& made);
void model_list(Catalog& catalog, ApiCall& made);     // of one provider
void model_get(Catalog& catalog, ApiCall& made);      // of one provider
void model_replace(Catalog& catalog, ApiCall& made);  // PUT
void model_change(Catalog& catalog, ApiCall& made);   // PATCH
void model_delete(Catalog& catalog, ApiCall& made);   // with or without its provider in the path

void balancer_create(Catalog& catalog, ApiCall& made);
void balancer_list(Catalog& catalog, ApiCall& made);
void balancer_get(Catalog& catalog, ApiCall& made);
void balancer_update(Catalog& catalog, ApiCall& made);
void balancer_delete(Catalog& catalog, ApiCall& made);

void limit_create(Catalog& catalog, ApiCall& made);
void limit_list(Catalog& catalog, ApiCall& made);
void limit_get(Catalog& catalog, ApiCall& made);
void limit_update(Catalog& catalog, ApiCall& made);
void limit_delete(Catalog& catalog, ApiCall& made);

void policy_create(Catalog& catalog, ApiCall& made);
void policy_list(Catalog& catalog, ApiCall& made);
void policy_delete(Catalog& catalog, ApiCall& made);
void policy_delete_same(Catalog& catalog, ApiCall& made);  // the body says which

void key_create(Catalog& catalog, ApiCall& made);
void key_list(Catalog& catalog, ApiCall& made);
void key_get(Catalog& catalog, ApiCall& made);
void key_delete(Catalog& catalog, ApiCall& made);
void key_rotate(Catalog& catalog, ApiCall& made);

void tenant_put(Catalog& catalog, ApiCall& made);     // POST /tenant: makes or changes the caller's
void tenant_get(Catalog& catalog, ApiCall& made);
void tenant_change(Catalog& catalog, ApiCall& made);  // PUT and PATCH
void tenant_delete(Catalog& catalog, ApiCall& made);
void tenant_create(Catalog& catalog, ApiCall& made);  // POST /tenants, with its first admin's key
void tenant_list(Catalog& catalog, ApiCall& made);

// Parts that resources share.
[[nodiscard]] std::string model_json(const Catalog& catalog, const ModelObject& model);
// Whom a file object is managed by is said in every answer.
[[nodiscard]] std::string_view managed_by(const ObjectMeta& object);
// Reads `request` and `token` out of the map into the limit and creates it for the key.
[[nodiscard]] std::string limit_buckets_json(const RateLimitConfig& config);

}  // namespace weir
