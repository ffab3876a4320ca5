"""What IBM's notebook about the Model Gateway does, step by step, with IBM's Python package:
providers by the CRN of a secret, models, one alias over three providers, 25 requests.

Run by ./run, which gives WEIR_URL (https), WEIR_ADMIN_KEY and MOCK_PORT, where Weir's configuration
expects IBM Cloud. One worker, so the shares are exact.
"""
import asyncio
import collections
import os
import unittest
import warnings

from ibm_watsonx_ai import APIClient, Credentials
from ibm_watsonx_ai.gateway import Gateway

import watsonx_mock

URL, KEY = os.environ["WEIR_URL"], os.environ["WEIR_ADMIN_KEY"]
ALIAS = "load-balancing-models"
MESSAGES = [{"role": "user", "content": "What is a tram?"}]


class Notebook(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        cls.mock = watsonx_mock.start(int(os.environ["MOCK_PORT"]))
        credentials = Credentials(url=URL, username="me", api_key=KEY, version="5.2")
        cls.gateway = Gateway(api_client=APIClient(credentials, verify=False))

    @classmethod
    def tearDownClass(cls):
        cls.mock.shutdown()
        cls.mock.server_close()

    def test_1_one_provider_and_one_model(self):
        gateway, model = self.gateway, watsonx_mock.MODELS[0]
        self.assertEqual(list(gateway.providers.list()["NAME"]), ["local"])  # of the file
        details = gateway.providers.create(
            provider="watsonxai", name="watsonx-ai-provider", secret_crn_id=watsonx_mock.CRN)
        provider = gateway.providers.get_id(details)
        self.assertEqual(gateway.providers.get_details(provider)["name"], "watsonx-ai-provider")
        available = gateway.providers.list_available_models(provider)
        self.assertEqual(sorted(available["MODEL_ID"]), watsonx_mock.MODELS)
        gateway.models.get_id(gateway.models.create(provider_id=provider, model=model))
        self.assertEqual(list(gateway.models.list()["MODEL"]), [model, "local-chat"])
        answer = gateway.chat.completions.create(model=model, messages=MESSAGES)
        self.assertEqual(answer["model"], model)
        self.assertEqual(answer["choices"][0]["message"]["content"], "A tram runs on rails.")

    def test_2_three_providers_under_one_alias(self):
        gateway = self.gateway
        for number, model in enumerate(watsonx_mock.MODELS, 1):
            provider = gateway.providers.get_id(gateway.providers.create(
                provider="watsonxai", name=f"watsonx-ai-provider-{number}",
                secret_crn_id=watsonx_mock.CRN))
            gateway.models.get_id(
                gateway.models.create(provider_id=provider, model=model, alias=ALIAS))
        self.assertEqual(len(gateway.providers.list()), 5)
        listed = gateway.models.list()
        self.assertEqual(list(listed["MODEL"]),
                         [ALIAS] * 3 + [watsonx_mock.MODELS[0], "local-chat"])
        self.assertEqual(listed["TYPE"][0], "watsonxai:watsonx-ai-provider-3")  # the newest first
        self.mock.chats.clear()

        async def send():
            tasks = []
            for _ in range(25):
                tasks.append(asyncio.create_task(asyncio.to_thread(
                    gateway.chat.completions.create, model=ALIAS, messages=MESSAGES)))
                await asyncio.sleep(0.02)
            return await asyncio.gather(*tasks)

        counts = collections.Counter(answer["model"] for answer in asyncio.run(send()))
        self.assertEqual(sorted(counts.values()), [8, 8, 9])
        self.assertEqual(counts, self.mock.chats)


if __name__ == "__main__":
    unittest.main()
