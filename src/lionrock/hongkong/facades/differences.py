"""What the public facts state, where each is found here, and where we differ: data for a page.

`tools/docs.py` writes docs/facades.md from these and from the route and error tables; tests keep
both true. Not for: behaviour. Source: public interface facts of both wire styles.
"""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True):
    """One line of the facts and the rows that stand for it ("iam" or "corpid", path).

    Without rows it is not built, and `remark` says why.
    """

    stated: str
    rows: tuple[tuple[str, str], ...] = ()
    remark: str = ""


class Difference(msgspec.Struct, frozen=True):
    """Where we are stricter than what the facts show."""

    stated: str
    here: str
    why: str


FACTS = (
    Fact("log-in page, browser or broker", (("iam", "/auth/getQR"), ("corpid", "/auth/getQR"))),
    Fact("log-in page that also brings a CorpID code", (("iam", "/auth/corpId/getQR"),)),
    Fact("code to token", (("iam", "/auth/getToken"), ("corpid", "/auth/getToken"))),
    Fact("content key, and its end", (
        ("iam", "/security/getKey"), ("iam", "/security/revokeKey"),
        ("corpid", "/security/getKey"), ("corpid", "/security/revokeKey"),
    )),
    Fact("profile of a person", (("iam", "/account/auth/profile/initiateRequest"),)),
    Fact("form filling", (
        ("iam", "/account/eme/initiateRequest"), ("corpid", "/formFilling/initiateRequest"),
    )),
    Fact("form filling, no log-in", (
        ("iam", "/anonymous/eme/initiateRequest"), ("iam", "/anonymous/eme/getResult"),
        ("corpid", "/formFilling/anonymous/initiateRequest"),
        ("corpid", "/formFilling/anonymous/getResult"),
    )),
    Fact("step-up", (("iam", "/account/stepup/initiateRequest"),),
         "a fresh, number-matched approval; face and NFC are not simulated"),
    Fact("sign a hash", (
        ("iam", "/account/signing/initiateRequest"), ("corpid", "/signing/initiateRequest"),
    )),
    Fact("sign a PDF", (
        ("iam", "/account/pdfsigning/initiateRequest"), ("corpid", "/pdfsigning/initiateRequest"),
    )),
    Fact("bulk signing (a scope is stated, no path)", (
        ("iam", "/account/bulksigning/initiateRequest"),
    ), "path and fields are ours: `documents`, 1 to 16 of `hashCode` and `documentName`"),
    Fact("acknowledge", (
        ("iam", "/account/signing/ackResult"), ("corpid", "/signing/ackResult"),
    )),
    Fact("signing, no log-in", (
        ("iam", "/anonymous/signing/initiateRequest"), ("iam", "/anonymous/signing/getResult"),
        ("iam", "/anonymous/pdfsigning/initiateRequest"),
        ("iam", "/anonymous/pdfsigning/getResult"),
        ("corpid", "/signing/anonymous/initiateRequest"),
        ("corpid", "/signing/anonymous/getResult"),
        ("corpid", "/pdfsigning/anonymous/initiateRequest"),
        ("corpid", "/pdfsigning/anonymous/getResult"),
    ), "without HKICHash; a person's signature only"),
    Fact("companies of the person, and a token of another one", (
        ("corpid", "/corp/corpList"), ("corpid", "/corp/tokenExchange"),
    )),
    Fact("company chop after the person's signature", (
        ("corpid", "/signing/requestCorpSigning"), ("corpid", "/pdfsigning/requestCorpSigning"),
    )),
    Fact("company data (government only)", (("corpid", "/profiles"),),
         "for clients registered with `is_government`"),
    Fact("documents of the company's wallet", (("corpid", "/corp/requestDocSharing"),),
         "signed statements, not credentials (see below)"),
    Fact("app variants (`appv1`, `v2_cauth`, universal links)", (),
         "no fields are public, and a code_verifier that comes with its code protects nothing; "
         "a service on the same device opens the page"),
    Fact("`requireAuthProof`: the authorisation as a Verifiable Presentation", (),
         "needs wallet credentials, which this city has not; refused when demanded"),
    Fact("SM3withSM2, NONEwithSM2", (), "no SM2 keys here; refused, never replaced"),
    Fact("stored licences, annual-return dates, certificate expiry, EXT ids", (),
         "no registry here states them"),
    Fact("waiting period since the account was opened", (),
         "identity's own waiting period of new phones holds here as everywhere"),
)

DIFFERENCES = (
    Difference("`timestamp` never lower than the one before",
               "within five minutes either way; each nonce once for a client, over both wires",
               "clients with several nodes; the signature names no path"),
    Difference("fields joined without separators",
               "each has a fixed length or alphabet, so that there is one way to split",
               "a nonce's end cannot become a body"),
    Difference("RSA padding not stated; clients try three",
               "OAEP with SHA-256 and MGF1-SHA-256 only", "padding oracles"),
    Difference("which bodies are encrypted is unclear",
               "every POST but getKey and revokeKey (empty); every content of theirs too",
               "one rule"),
    Difference("`expiresIn` a duration here, an instant there",
               "always the seconds left; `issueAt` always milliseconds since 1970", "ambiguity"),
    Difference("`HKICHash`, unsalted, mandatory for signing without log-in",
               "refused (20014), never kept; who scanned signs, and the service reads in the "
               "certificate who that was",
               "26 million values are tried in seconds"),
    Difference("signing without log-in is one step",
               "two questions, each with its number: who are you, do you sign this",
               "a relayed code alone signs nothing"),
    Difference("bearer tokens",
               "bound to client and wire, valid beside the client's signature only, kept hashed, "
               "read anew at each use", "theft; revocation bites at once"),
    Difference("a result is pushed or fetched whenever it is ready",
               "grant, mandate and the phone's yes are asked for again when it is made, sent or "
               "fetched; what was withdrawn is told as 40000 and its result is forgotten",
               "revocation bites on kept results too"),
    Difference("request unsigned in the browser, no PKCE",
               "exact redirect address, `state` mandatory, 30 s codes redeemed by a signed call, "
               "`iss` in the answer; the browser that began goes on alone",
               "injection, mix-up"),
    Difference("QR page",
               "the code changes, a number is matched on the phone, the words name service and "
               "address", "QR relay"),
    Difference("mTLS on callbacks optional",
               "registered address only, through the guarded client, no redirects, signed like a "
               "request, own key for each push", "SSRF, forged pushes"),
    Difference("secret of any length", "256 bits or more, sealed at rest", "guessing"),
    Difference("RSA keys of a size not stated",
               "RSA of 3,072 bits, never fewer, with a certificate of its own beside the P-256 one",
               "as strong as the rest (NIST SP 800-57)"),
    Difference("`NONEwithRSA` signs whatever it is given",
               "the DigestInfo of a SHA-256 only, base64 of 51 octets",
               "a signature over unknown bytes"),
    Difference("documents of a wallet as DID and VC",
               "a JWT of type `lionrock-company-document+jwt` under the authorization server's "
               "key (jwks_uri)", "verifiable at once, and not taken for a credential"),
)

READINGS = (
    "`sigAlgo`: SHA256withRSA and NONEwithRSA give PKCS #1 v1.5, SHA256withECDSA and NONEwithECDSA "
    "(ours) ECDSA in DER. The digest given is the digest signed. Any other is refused (77003). A "
    "PDF's digest gets the same bare signature; for PAdES use the signing endpoints.",
    "The first RSA signature of a person or company makes the key: allow it a second.",
    "`authByQR` is always true: the page of the ticket (getQR with `ticketID`, same `redirectURI` "
    "and `state`) shows the number.",
    "Who says no, or is late, is sent back with `error` = the code, and no code; a callback tells "
    "it in `code`.",
    "`scope` and `cScope` are joined by one blank. With CorpID a company is chosen on the page "
    "when there are several.",
    "An INTEGRATED_SIGN asks twice: signature, then seal. `signToken` fetches the seal once, for "
    "that digest, company and person, within 15 minutes.",
    "Signing without log-in: the first question is identity's own for a sign-in and says so; the "
    "service is told nothing by it. The second names the digest and the document.",
    "A bulk is one decision: all digests are signed, or none. The callback's `results` keep the "
    "order, beside one `cert`.",
    "A log-in's grant is on record as long as its last action can last (33 minutes), and the "
    "person can take it back; so can an operator.",
    "getKey gives the same key again while it lasts (an hour).",
    "A form's values come from the city's records; what nobody recorded is left out; "
    "`lastMatched` says when a registry last matched a value.",
    "`docTypes`: `businessRegistration` (what a registry stated of the company) and `mandate` "
    "(what the person may do for it). The person's mandate must have the scope `exchange`.",
)

INTRODUCTION = """\
`lionrock up --facades iam,corpid` (setting `facades`, off by default) adds two wires over the same
identity: an **iAM Smart-style** one for persons and a **CorpID-style** one for companies. They are
made from interface facts in public client code and documents. The operators' full specifications
are not public; nothing here is compatible with or certified by anybody, and nothing calls a Hong
Kong host.

## A client
An entry of the clients file (docs/sandbox-hooks.md) with a member `facade`:

```json
{"facade": {"secret": "at least 32 bytes of text",
            "kek_certificate": "-----BEGIN CERTIFICATE-----...",
            "callback_url": "http://127.0.0.1:9000/callback", "is_government": false}}
```

The certificate holds an RSA key of 2048 bits or more. The client's scopes must cover what it asks
for: `openid` for every eidapi scope, `signing` for eidapi_sign, eidapi_bulksign and signing without
log-in, `company` for every corpidapi scope. corpidapi_profiles takes `is_government`. A client
whose policy demands signed request objects, signed responses, bound codes or DPoP nonces is refused
(20009): a facade is no way around a control.

## A call
Headers `clientID`, `signatureMethod: HmacSHA256`, `timestamp` (13 digits, ms), `nonce` (1 to 36 of
A-Z a-z 0-9 - _) and
`signature = URLEncode(Base64(HMAC-SHA256(secret, clientID + "HmacSHA256" + timestamp + nonce +
body)))`. Body and answer's content: `{"content": Base64(uint32_be(12) || IV || ciphertext ||
tag)}`, AES-256-GCM under the key from `getKey`. Every answer is `{txID, code, msg, content}`.
"""

LIMIT = """\
HMAC has no non-repudiation: the platform could forge a client's call. That cannot be mended within
this wire; use the FAPI 2.0 endpoints.
"""
