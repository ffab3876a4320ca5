// The provider `azure-openai`: OpenAI's models behind Azure's addresses, keys and content filter.
//
// Two forms of address. The deployment form ({base}/openai/deployments/{name}/chat/completions
// ?api-version=...) is the default; a base_url that ends in /openai/v1 chooses the v1 form, where
// the deployment's name is the model in the body. Bodies pass as with openai; in streams the
// content filter's own chunks are joined to the first chunk of the answer or left out.
// azure_address_make() runs on the control thread.
#pragma once

#include <string>

#include <weir/adapter.h>

namespace weir {

extern const Adapter kAzureOpenaiAdapter;

// Which address a provider's options and base_url ask for.
struct AzureAddress {
  bool v1 = false;
  std::string prefix;   // up to and with "/openai" or "/openai/v1"
  std::string version;  // of the API; empty: none is sent
};
[[nodiscard]] Result<AzureAddress> azure_address_make(const Provider& provider);

// The deployment that serves a model: the option `deployments.<model>`, else the model's own name.
[[nodiscard]] std::string_view azure_deployment(const Provider& provider, std::string_view model);

}  // namespace weir
