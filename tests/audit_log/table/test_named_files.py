"""The files a version names: all of them, or a partition's, by the names they have in the store."""

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.named_files import named_files
from streamrec_explain.audit_log.table.partition import Partition
from tests.audit_log.audit_requests import request


def test_files_are_told_by_partition_in_order_of_users(hot: AuditTable) -> None:
    """With their rows and users; a version keeps naming what it named."""
    for number in (33, 3, 1):  # users 3, 0 and 0; US, US and EU
        hot.append([request(number)])
    seen = hot.open()
    hot.append([request(63)])
    us, eu = named_files(seen, Partition("2026-01-01", "US")), named_files(seen, Partition("2026-01-01", "EU"))
    assert [f"{0:032x}", f"{3:032x}"] == [file.first_user for file in us]
    assert [3] == [file.rows for file in eu]
    assert {*us, *eu} == set(named_files(seen))
    assert [] == named_files(seen, Partition("2026-01-02", "US"))
    assert all(file.size == hot.store().get_file_info(file.path).size for file in named_files(hot.open()))
    assert (True, False) == (us[1].may_have(f"{3:032x}"), us[1].may_have(f"{4:032x}"))
