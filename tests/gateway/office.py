"""Opens a document of a drive in LibreOffice, edits it, saves it, saves it under another name and closes it.

    office.py FOLDER LOGIN PASSWORD PROFILE

FOLDER is a URL of the scheme vnd.sun.star.webdavs that holds `deed.odt`. What was done is said on standard output; then the
program waits for a line on standard input, so that others can look at the drive meanwhile.
"""

import subprocess
import sys
import time
from urllib.parse import quote

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException

FOLDER, LOGIN, PASSWORD, PROFILE = sys.argv[1:]
PIPE = "pipe,name=deedbox-office;urp;"


def done(what):
    print(what, flush=True)
    sys.stdin.readline()


def prop(name, value):
    prop = PropertyValue()
    prop.Name, prop.Value = name, value
    return prop


def connected():
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    while office.poll() is None:
        try:
            return resolver.resolve(f"uno:{PIPE}StarOffice.ComponentContext")
        except NoConnectException:
            time.sleep(0.05)
    sys.exit("LibreOffice ended before it could be talked to")


office = subprocess.Popen(
    ["soffice", f"-env:UserInstallation=file://{PROFILE}", "--headless", "--norestore", "--nologo", f"--accept={PIPE}"]
)
try:
    context = connected()

    def service(name):
        return context.ServiceManager.createInstanceWithContext(name, context)

    # As if the person had typed the password and had it remembered.
    handler = service("com.sun.star.task.InteractionHandler")
    server = FOLDER.split("//")[1].split("/")[0]
    service("com.sun.star.task.PasswordContainer").add(server.split(":")[0], LOGIN, (PASSWORD,), handler)
    desktop = service("com.sun.star.frame.Desktop")
    how = (prop("Hidden", True), prop("InteractionHandler", handler), prop("AuthenticationHandler", handler))

    document = desktop.loadComponentFromURL(f"{FOLDER}/deed.odt", "_blank", 0, how)
    done(f"opened, {'read-only' if document.isReadonly() else 'to be written'}: {document.getText().getString()}")
    document.getText().setString("The second wording.")
    document.store()
    done("saved")
    document.storeAsURL(f"{FOLDER}/{quote('a copy ä.odt')}", (prop("FilterName", "writer8"), *how))
    done("saved under another name")
    document.close(True)
    done("closed")
    desktop.terminate()
    office.wait(30)
finally:
    office.kill()
