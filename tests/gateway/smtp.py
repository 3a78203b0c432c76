"""A mail server for the tests: aiosmtpd, which keeps what it is given, one JSON file a mail.

    smtp.py DIR [--port N] [--certificate FILE --key FILE] [--implicit] [--login USER:PASSWORD]

It prints its port. Files in DIR tell it how to behave while it runs: `refuse` and `later` hold recipients that it refuses for
good or for now, `pause` the seconds between keeping a mail and saying so.
"""

import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, folder):
        self.folder = folder
        self.count = max((int(file.stem) for file in folder.glob("*.json")), default=0)

    def said(self, name):
        file = self.folder / name
        return file.read_text().split() if file.exists() else []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.said("refuse"):
            return "550 5.1.1 there is no such mailbox here"
        if address in self.said("later"):
            return "451 4.2.1 the mailbox is busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: message.get_body((kind,)).get_content()
        mail = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "tls": session.ssl is not None,
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "headers": [name for name, _ in message.items()],
            "id": message["Message-ID"],
            "subject": message["Subject"],
            "text": part("plain"),
            "html": part("html"),
            "raw": envelope.content.decode("ascii"),
        }
        self.count += 1
        file = self.folder / f"{self.count:06}.json"
        file.with_suffix(".tmp").write_text(json.dumps(mail))
        file.with_suffix(".tmp").rename(file)
        for seconds in self.said("pause"):
            await asyncio.sleep(float(seconds))
        return "250 OK"


async def serve(arguments):
    context = None
    if arguments.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)
    options = {"hostname": "localhost", "loop": asyncio.get_running_loop()}
    if context and not arguments.implicit:
        options.update(tls_context=context, require_starttls=True)
    if arguments.login:
        user, password = arguments.login.encode().split(b":")

        def authenticate(server, session, envelope, mechanism, data):
            right = (data.login, data.password) == (user, password)
            return AuthResult(success=right, auth_data=data, handled=False)

        options.update(authenticator=authenticate, auth_required=True)
        options.update(auth_require_tls=not arguments.implicit)
    handler = Handler(pathlib.Path(arguments.folder))
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, **options),
        "127.0.0.1",
        arguments.port,
        ssl=context if arguments.implicit else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--implicit", action="store_true")
parser.add_argument("--login")
asyncio.run(serve(parser.parse_args()))
