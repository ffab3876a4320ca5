"""Signing in with IBM's Python package, in each of its two worlds; then models and a chat.

Run by ./run, which gives WEIR_URL (https, with a certificate nobody signed) and WEIR_KEY.
"""
import os
import unittest
import warnings

from ibm_watsonx_ai import APIClient, Credentials
from ibm_watsonx_ai.gateway import Gateway
from ibm_watsonx_ai.wml_client_error import WMLClientError

URL, KEY = os.environ["WEIR_URL"], os.environ["WEIR_KEY"]


def gateway_of(**more):
    return Gateway(credentials=Credentials(url=URL, **more), verify=False)


class SigningIn(unittest.TestCase):
    def setUp(self):
        warnings.simplefilter("ignore")

    def check(self, gateway):
        models = gateway.models.get_details()["data"]
        self.assertIn("local-chat", [model["id"] for model in models])
        answer = gateway.chat.completions.create(
            model="local-chat", messages=[{"role": "user", "content": "good morning"}])
        self.assertTrue(answer["choices"][0]["message"]["content"])

    def test_cloud_pak_with_a_key(self):
        self.check(gateway_of(username="me", api_key=KEY, version="5.2"))

    def test_cloud_pak_asks_for_the_version(self):
        self.check(gateway_of(username="me", api_key=KEY))

    def test_cloud_pak_with_a_password(self):
        self.check(gateway_of(username="me", password=KEY, version="5.2"))

    def test_cloud(self):
        self.check(gateway_of(platform_url=URL, api_key=KEY, auth_url=URL + "/identity/token"))

    def test_a_key_in_place_of_a_token(self):
        # Without a dot in it the package sends it as Basic.
        self.check(gateway_of(token=KEY, version="5.2"))

    def test_a_token_that_was_given_before(self):
        client = APIClient(Credentials(url=URL, username="me", api_key=KEY, version="5.2"),
                           verify=False)
        self.check(gateway_of(token=client.token, version="5.2"))

    def test_a_wrong_key(self):
        with self.assertRaises(WMLClientError) as caught:
            gateway_of(username="me", api_key="wrong", version="5.2")
        self.assertIn("API key", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
