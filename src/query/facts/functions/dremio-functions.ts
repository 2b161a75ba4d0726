/** Functions that engines of the standard's family have in common and compute from their arguments alone. */
export const standardFunctions = `
abs acos any_value approx_count_distinct approx_distinct approx_percentile array_agg ascii asin atan atan2 avg bit_and bit_length
bit_or bit_xor bool_and bool_or btrim cardinality cbrt ceil ceiling char_length character_length charindex chr concat concat_ws
contains corr cos cosh cot count covar_pop covar_samp cume_dist date_add date_diff date_format date_part date_sub date_trunc dateadd
datediff day dayname dayofmonth dayofweek dayofyear decode degrees dense_rank div element ends_with every exp first_value floor format
greatest group_concat hash hour initcap instr last_day last_value lag lcase lead least left length listagg ln locate log log10 log2
lower lpad ltrim max max_by md5 median min min_by minute mod mode month monthname nth_value ntile nvl nvl2 octet_length percent_rank
percentile_cont percentile_disc pi pow power quarter radians rank regexp_extract regexp_like regexp_matches regexp_replace
regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right
round row_number rpad rtrim second sha1 sha256 sha512 sign sin sinh some soundex space split split_part sqrt starts_with stddev
stddev_pop stddev_samp str_to_date string_agg strpos substr sum tan tanh timestampadd timestampdiff to_char to_date to_hex to_number
to_timestamp translate trunc truncate typeof ucase upper var_pop var_samp variance week weekofyear width_bucket year date time
timestamp
`

/**
 * More functions of Dremio that return the same value for the same arguments.
 * Source: https://docs.dremio.com/current/reference/sql/sql-functions/.
 */
export const dremioFunctions = `
add_months aes_decrypt array_append array_avg array_cat array_compact array_concat array_contains array_distinct array_frequency
array_insert array_max array_min array_position array_prepend array_remove array_remove_at array_size array_slice array_sum
array_to_string arrays_overlap base64 bin binary_string bitwise_and bitwise_not bitwise_or bitwise_xor bround castbigint castint
castdate casttimestamp castfloat4 castfloat8 castvarchar castdecimal cardinality col_like convert_from
convert_fromjson convert_timezone convert_to convert_fromutf8 convert_toutf8 crc32 date_to_unix_date
e endswith extractday extracthour extractminute extractmonth extractsecond extractyear factorial flatten
find_in_set from_hex from_utf8 geo_beyond geo_distance geo_nearby hash32 hash64 hashsha256 hex hll hll_decode hll_merge
ilike ip_to_bigint isdate is_bigint is_bit is_double is_false is_int is_list is_map is_not_false is_not_null is_not_true is_null
is_numeric is_struct is_true is_utf8 is_varchar levenshtein like list_contains list_to_delimited_string
map_keys map_values mask mask_first_n mask_hash mask_last_n mask_show_first_n mask_show_last_n mapagg months_between
ndv negative next_day normalize_string parse_url position quote pmod regexp_col_like regexp_count regexp_split sha shiftleft shiftright
similar_to st_fromgeohash st_geohash stringbinary substring_index tobase64 toascii to_time
unbase64 unhex unix_date xor
`
