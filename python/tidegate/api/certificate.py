"""``/certificate.sha256``: what a browser needs to trust our own certificate
(``serverCertificateHashes``).
"""

from litestar import Response, get

from tidegate.api.services import GivenServices
from tidegate.errors import NoSuchRoute


@get("/certificate.sha256", media_type="text/plain", include_in_schema=False)
async def certificate_sha256(services: GivenServices) -> Response[str]:
    """One line of lower-case hex; for any page to read, and never from a cache, for it changes."""
    sha256 = services.certificate_sha256()
    if sha256 is None:
        raise NoSuchRoute
    headers = {"access-control-allow-origin": "*", "cache-control": "no-store"}
    return Response(f"{sha256}\n", media_type="text/plain", headers=headers)
