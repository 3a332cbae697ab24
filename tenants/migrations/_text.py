"""The folding of text in SQL."""

FOLD = r"""
-- Lower case, no diacritics, đ as d: the counterpart of tenants.text.fold. Needs no locale and no extension.
-- Text of ASCII, known by its length in bytes, has nothing to normalise, which is most of the work.
CREATE FUNCTION text_fold(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF octet_length(t) <> char_length(t) THEN
        -- The marks of Vietnamese, then of everybody else: a regular expression takes as long as all the rest.
        t := translate(normalize(t, NFD), E'Đđ\u0301\u0300\u0302\u0323\u0309\u0303\u031b\u0306', 'Dd');
        IF octet_length(t) <> char_length(t) THEN
            t := normalize(regexp_replace(t, '[\u0300-\u036f]', '', 'g'), NFC);
        END IF;
    END IF;
    RETURN lower(t);
END $$;
"""
