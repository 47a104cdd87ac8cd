import { createDatabase } from '@sluice/testing';
import { storeSuite } from './testing/suite.ts';

storeSuite('plain', createDatabase);
