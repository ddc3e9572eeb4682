"""The order of the reports of a component, as gold has it: by day, then by time, then by row of the file."""

# The day is the site's. The time may be in another zone, so it decides within a day only. Of two rows that are equal in
# both, the first one in its file is the newer, as in `models/oil/gold/component_status_current.sql`.
NEWEST_FIRST = "sampleDate desc, sampleTimestamp desc, sourceFile asc, sourceSheet asc, sourceRow asc"
OLDEST_FIRST = "sampleDate asc, sampleTimestamp asc, sourceFile desc, sourceSheet desc, sourceRow desc"
